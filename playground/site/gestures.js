// What can be done to a node, a link or the network: each is one line of the scenario.

import { make, name } from './run.js';

/** Of a node: key, words, and the action as the truth of the host has it. */
const OF_NODE = [
  ['k', (host) => (host.process === 'running' ? ['Kill', 'crash', 'kill -9: the process is gone, its machine is not'] : ['Start', 'start', 'A new boot of it'])],
  ['r', () => ['Restart', 'restart', 'Killed and started again at once']],
  ['f', (host) => (host.frozen ? ['Thaw', 'thaw', 'It continues'] : ['Freeze', 'freeze', 'The process is paused, its kernel still accepts connections'])],
  ['s', (host) => (host.starved ? ['Feed', 'feed', 'It reads in time again'] : ['Starve', 'starve', 'It reads everything 0.5 to 2.5 s late'])],
  ['u', (host) => (host.unplugged ? ['Plug in', 'plug', 'Its network is back'] : ['Unplug', 'unplug', 'It loses its network'])],
  ['p', (host) => (host.process === 'running' ? ['Power off', 'power-off', 'Process and host are gone without a packet'] : null)],
  ['g', (host) => (host.process === 'running' ? ['Stop cleanly', 'leave', 'It says goodbye'] : null)],
];

const OF_LINK = [
  ['c', (a, b) => ['Cut', `cut ${a} ${b}`, 'No packet passes']],
  ['o', (a, b) => [`One way ${a} ▸ ${b}`, `block ${a} ${b}`, `Requests of ${a} to ${b} are dropped, those of ${b} arrive`]],
  ['i', (a, b) => [`One way ${b} ▸ ${a}`, `block ${b} ${a}`, `Requests of ${b} to ${a} are dropped, those of ${a} arrive`]],
  ['l', (a, b) => ['Lose 40 %', `loss ${a} ${b} 40%`, 'Each packet is lost with this probability']],
  ['j', (a, b) => ['Refuse', `reject ${a} ${b}`, 'A firewall answers every packet with a reset']],
  ['m', (a, b) => ['Mend', `mend ${a} ${b}`, 'The link is whole again']],
];

/** A time as scenarios write it. */
const time = (t) => `${Number(t.toFixed(3))}s`;

/** The least time that a watcher wants to see after a gesture. */
const AFTERWARDS = 15;
const LENGTH_MAX = 600;

/** The scenario with one more line at `t`, and long enough to see what comes of it. */
export function withLine(text, length, t, action) {
  const lines = text.trimEnd().split('\n');
  const wanted = Math.min(LENGTH_MAX, Math.ceil(t + AFTERWARDS));
  if (wanted > length) {
    const at = lines.findLastIndex((line) => line.trim().startsWith('length '));
    if (at >= 0) lines[at] = `length ${wanted}s`;
    else lines.push(`length ${wanted}s`);
  }
  lines.push(`at ${time(t)} ${action}`);
  return `${lines.join('\n')}\n`;
}

/** What the statement `without` takes. */
export const RULES = ['observer-time', 'veto', 'half-rule', 'boot', 'quorum'];
const isOf = (word) => (line) => line.trim().split(/\s/)[0] === word;

/** The value of a statement of which a scenario has one; the last counts. */
export function statement(text, word) {
  return text.split('\n').findLast(isOf(word))?.trim().slice(word.length).split('#')[0].trim() ?? null;
}

/** The text with another value of it; an empty one takes it out. */
export function withStatement(text, word, value) {
  const lines = text.split('\n');
  const at = lines.findLastIndex(isOf(word));
  if (!value) return lines.filter((line) => !isOf(word)(line)).join('\n');
  if (at >= 0) lines[at] = `${word} ${value}`;
  else lines.unshift(`${word} ${value}`);
  return lines.join('\n');
}

export class Gestures {
  /** `act(action)` carries an action out; `picking()` draws the page again while a split is prepared. */
  constructor(place, act, picking) {
    this.place = place;
    this.act = act;
    this.picking = picking;
    this.sides = null;
  }

  /** Draws the buttons for what is chosen, where that or its truth has changed. */
  show(chosen, truth, nodes) {
    this.nodes = nodes;
    const offered = this.offered(chosen, truth);
    const key = JSON.stringify([chosen, nodes, offered.map(([, text]) => text), this.sides && [...this.sides]]);
    if (key === this.key) return;
    this.key = key;
    const focus = document.activeElement?.dataset?.act;
    const title = chosen == null ? 'Choose a node or a link in the picture, then break it.'
      : chosen.length === 1 ? `${name(chosen[0])}:` : `${name(chosen[0])} – ${name(chosen[1])}:`;
    const buttons = offered.map(([shortcut, text, action, about]) => make('button', {
      type: 'button', title: `${about} (${shortcut.toUpperCase()})`, 'data-act': shortcut, onclick: () => this.act(action),
    }, text));
    const split = make('button', { type: 'button', title: 'No packet between two sides', 'data-act': 'split', 'aria-expanded': String(this.sides != null), onclick: () => this.prepare() }, 'Split…');
    const heal = make('button', { type: 'button', title: 'The network is whole again; processes stay as they are (H)', 'data-act': 'h', onclick: () => this.act('heal') }, 'Heal network');
    this.place.replaceChildren(
      make('div', { class: 'buttons' }, make('p', { class: 'chosen-name' }, title), ...buttons, make('span', { class: 'gap' }), nodes > 1 ? split : null, heal),
    );
    if (this.sides) this.place.append(this.form());
    if (focus) this.place.querySelector(`[data-act="${focus}"]`)?.focus();
  }

  offered(chosen, truth) {
    if (chosen == null) return [];
    if (chosen.length === 1) {
      const host = truth.hosts[chosen[0]];
      const rows = OF_NODE.map(([shortcut, of]) => [shortcut, of(host)]).filter(([, made]) => made);
      return rows.map(([shortcut, [text, act, about]]) => [shortcut, text, `${act} ${name(chosen[0])}`, about]);
    }
    const [a, b] = chosen.map(name);
    return OF_LINK.map(([shortcut, of]) => [shortcut, ...of(a, b)]);
  }

  /** Carries out what a key stands for; `false` where it stands for nothing. */
  ofKey(letter, chosen, truth) {
    if (letter === 'h') this.act('heal');
    else {
      const found = this.offered(chosen, truth).find(([shortcut]) => shortcut === letter);
      if (!found) return false;
      this.act(found[2]);
    }
    return true;
  }

  /** No split after all; `false` where none was prepared. */
  dismiss() {
    const was = this.sides != null;
    this.sides = null;
    if (was) this.picking();
    return was;
  }

  prepare() {
    this.sides = this.sides ? null : new Set(Array.from({ length: this.nodes }, (_, node) => node).slice(Math.ceil(this.nodes / 2)));
    this.picking();
  }

  /** Moves a node to the other side. */
  toggle(node) {
    if (!this.sides.delete(node)) this.sides.add(node);
    this.picking();
  }

  form() {
    const nodes = Array.from({ length: this.nodes }, (_, node) => node);
    const boxes = nodes.map((node) => {
      const box = make('input', { type: 'checkbox', checked: this.sides.has(node), 'data-act': `side-${node}`, onchange: () => this.toggle(node) });
      return make('label', {}, box, name(node));
    });
    const group = (inside) => nodes.filter((node) => this.sides.has(node) === inside).map(name).join(' ');
    const carry = () => {
      const action = `split ${group(false)} | ${group(true)}`;
      this.sides = null;
      this.picking();
      this.act(action);
    };
    const empty = this.sides.size === 0 || this.sides.size === this.nodes;
    return make('fieldset', { class: 'split' }, make('legend', {}, 'Which nodes stand on side B? (A click on a node moves it, too.)'), ...boxes,
      make('button', { type: 'button', 'data-act': 'split-now', disabled: empty, onclick: carry }, 'Split now'));
  }
}
