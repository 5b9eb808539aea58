// The question before a run, and what became of the answer.

import { lessonOf } from './lessons.js';
import { make } from './run.js';

export class Lesson {
  constructor(place, { play, next }) {
    this.place = place;
    this.play = play;
    this.next = next;
  }

  /** The question of a preset; with `null`, none. */
  load(preset, run, { teaches } = {}) {
    const lesson = preset && lessonOf(preset, run);
    this.lesson = lesson;
    this.place.hidden = !lesson;
    delete this.place.dataset.right;
    if (!lesson) return;
    Object.assign(this, { run, teaches, answer: null, told: false, done: Math.min(run.length, (run.moments.at(-1) ?? 0) + 0.2) });
    this.draw('What should happen?', make('p', {}, lesson.question), make('div', { class: 'buttons' },
      ...lesson.options.map(({ text }, index) => make('button', { type: 'button', class: 'option', onclick: () => this.choose(index) }, text)),
      make('button', { type: 'button', class: 'plain', onclick: () => this.close() }, 'Just play')));
  }

  draw(title, ...content) {
    this.place.replaceChildren(make('h2', {}, title), ...content);
  }

  choose(index) {
    this.answer = index;
    this.draw('What should happen?', make('p', {}, this.lesson.question), make('p', { class: 'said', tabindex: '-1' }, `You say: ${this.lesson.options[index].text}. Let us see.`));
    this.place.querySelector('.said').focus();
    this.play();
  }

  close() {
    this.load(null);
    this.play();
  }

  /** Shows whether the answer was right, as soon as the run has shown it. */
  show(t) {
    if (!this.lesson || this.answer == null || this.told || t < this.done) return;
    this.told = true;
    const right = this.lesson.options.filter(({ holds }) => holds).map(({ text }) => text);
    const isRight = this.lesson.options[this.answer].holds;
    this.place.dataset.right = String(isRight);
    this.draw(isRight ? '✓ Right' : '✕ Not right', make('p', {}, isRight ? `${right.join('; ')}.` : `You said: ${this.lesson.options[this.answer].text}. The run showed: ${right.join('; ')}.`),
      make('p', {}, make('strong', {}, 'Why: '), `${this.teaches}.`), make('div', { class: 'buttons' }, make('button', { type: 'button', onclick: () => this.next() }, 'Next experiment')));
  }
}
