// The same schedule with other detectors: a lane and a row for each.

import { make, name } from './run.js';

const ABOUT = {
  ours: 'this program', 'fixed 1.5 s': 'a plain timeout', 'fixed 3 s': 'a plain timeout', 'chen 0.1 s': 'Chen et al., 2000', 'chen 1 s': 'Chen et al., 2000',
  'chen 2.5 s': 'Chen et al., 2000', 'phi 1': 'phi accrual, 2004', 'phi 8': 'phi accrual, 2004', swim: 'SWIM, 2002', lifeguard: 'SWIM, 2017',
};
const WORDS = { suspected: 'suspected', down: 'down' };

export class Compare {
  constructor(place) {
    this.place = place;
  }

  load(run, answer, pair) {
    this.run = run;
    this.answer = answer;
    if (answer.refused) {
      this.place.replaceChildren(make('h2', {}, 'Other detectors'), make('p', {}, answer.refused));
      return;
    }
    this.choose(pair);
  }

  choose(pair) {
    this.pair = pair;
    const { run } = this;
    const nodes = Array.from({ length: run.nodes }, (_, node) => node);
    const select = (which, label) => make('label', {}, label, ' ', make('select', { onchange: (event) => this.turn(which, Number(event.target.value)) },
      ...nodes.map((node) => make('option', { value: node, selected: node === pair[which] }, name(node)))));
    const lanes = make('div', { class: 'lanes' }, this.truthLane(), ...this.answer.contenders.map((one) => this.lane(one)), make('div', { class: 'cursor', 'aria-hidden': 'true' }));
    this.place.replaceChildren(
      make('h2', {}, 'The same schedule, other detectors'),
      make('p', { class: 'row' }, select(0, 'What'), select(1, 'believes of')), lanes,
      make('p', { class: 'faint' }, 'Low and striped: suspected. High and solid: called down. Detectors with a heartbeat have no verdict besides the suspicion.'),
      this.table(),
      make('p', { class: 'faint' }, 'Over all pairs of nodes. A suspicion or a verdict is false while the node is up and can be heard. The others send datagrams: what is lost stays lost. They have no notion of a broken link or of a goodbye.'),
    );
  }

  turn(which, node) {
    const pair = [...this.pair];
    if (pair[1 - which] === node) pair[1 - which] = pair[which];
    pair[which] = node;
    this.choose(pair);
  }

  bar(from, until, kind, title) {
    const part = (at) => (100 * at) / this.run.length;
    return make('span', { class: `bar ${kind}`, title, style: `left:${part(from)}%;width:max(2px,${part(until) - part(from)}%)` });
  }

  strip(label, about, bars, text) {
    return make('div', { class: 'lane' }, make('span', { class: 'lane-name' }, label, make('small', {}, about)), make('span', { class: 'strip', role: 'img', 'aria-label': text }, ...bars));
  }

  truthLane() {
    const bars = [];
    const spans = [];
    const { truthList, length } = this.run;
    truthList.forEach((truth, index) => {
      const host = truth.hosts[this.pair[1]];
      const until = truthList[index + 1]?.at ?? length;
      if (until > truth.at && (host.process !== 'running' || host.frozen || host.unplugged)) {
        bars.push(this.bar(truth.at, until, 'so', `not to be heard from ${truth.at.toFixed(2)} to ${until.toFixed(2)} s`));
        spans.push(`${truth.at.toFixed(2)} to ${until.toFixed(2)} s`);
      }
    });
    return this.strip('the truth', `${name(this.pair[1])} is away`, bars, spans.length ? `${name(this.pair[1])} was away: ${spans.join(', ')}` : `${name(this.pair[1])} was there all the time`);
  }

  lane({ name: contender, changes }) {
    const [observer, subject] = this.pair;
    const own = changes.filter(([, one, other]) => one === observer && other === subject);
    const bars = [];
    const spans = [];
    own.forEach(([at, , , opinion], index) => {
      const until = own[index + 1]?.[0] ?? this.run.length;
      if (!WORDS[opinion] || until <= at) return;
      bars.push(this.bar(at, until, opinion, `${WORDS[opinion]} from ${at.toFixed(2)} to ${until.toFixed(2)} s`));
      spans.push(`${WORDS[opinion]} from ${at.toFixed(2)} to ${until.toFixed(2)} s`);
    });
    return this.strip(contender, ABOUT[contender] ?? '', bars, `${contender}: ${spans.join('; ') || 'trusted all the time'}`);
  }

  table() {
    const seconds = (value) => (value == null ? '–' : `${value.toFixed(2)} s`);
    const caught = ({ detection, missed }) => (missed > 0 ? `${seconds(detection)}, ${missed} missed` : seconds(detection));
    const row = ({ name: contender, suspicion, verdict }) => make('tr', { class: contender === 'ours' ? 'ours' : null }, make('th', { scope: 'row' }, contender),
      make('td', {}, caught(suspicion)), make('td', {}, String(suspicion.mistakes)),
      make('td', {}, verdict ? caught(verdict) : '–'), make('td', {}, verdict ? String(verdict.mistakes) : '–'));
    const head = ['detector', 'suspects after', 'false suspicions', 'calls down after', 'false verdicts'].map((text) => make('th', { scope: 'col' }, text));
    return make('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Figures' }, make('table', { class: 'figures' },
      make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...this.answer.contenders.map(row))));
  }

  show(t) {
    const cursor = this.place.querySelector('.cursor');
    if (cursor) cursor.style.setProperty('--at', String(t / this.run.length));
  }
}
