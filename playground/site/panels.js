// Beliefs and their reasons, and the events of the run.

import { fate, make, name, sign, spaced, word } from './run.js';

const badge = (state) => make('span', { class: `badge ${state ?? 'none'}`, 'aria-hidden': 'true' }, sign(state));

/** What each node believes of each other, as a table whose cells choose the link. */
export function matrix(run, t, choose) {
  const beliefs = run.beliefs(t);
  const nodes = Array.from({ length: run.nodes }, (_, node) => node);
  const truth = run.truth(t);
  const head = make('tr', {}, make('th', { scope: 'col' }, 'believes'), ...nodes.map((node) => make('th', { scope: 'col' }, run.nodes > 4 ? make('span', { 'aria-label': name(node) }, String(node + 1)) : `of ${name(node)}`)));
  const rows = nodes.map((observer) => {
    const cells = nodes.map((subject) => {
      if (subject === observer) return make('td', { class: 'own' }, make('span', { class: 'faint' }, fate(truth.hosts[observer])));
      const { state, verdict } = beliefs[observer][subject];
      const pair = [Math.min(observer, subject), Math.max(observer, subject)];
      const text = verdict && state !== 'alive' && verdict !== 'down' ? spaced(verdict) : word(state);
      const label = `${name(observer)} believes of ${name(subject)}: ${text}. Show why`;
      return make('td', {}, make('button', { type: 'button', class: 'cell', 'aria-label': label, onclick: () => choose(pair) }, badge(state), make('span', { class: run.nodes > 4 ? 'heard' : null }, text)));
    });
    return make('tr', {}, make('th', { scope: 'row' }, name(observer)), ...cells);
  });
  return [make('h2', {}, 'Who believes what'), make('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Who believes what' }, make('table', { class: 'matrix' }, make('thead', {}, head), make('tbody', {}, ...rows))),
    make('p', { class: 'faint' }, 'Choose a cell, a node or a link for the evidence and the reasons.'),
    make('ul', { class: 'key' }, ...KEY.map(([state, text]) => make('li', {}, badge(state), ` ${text}`))),
    make('p', { class: 'faint' }, 'In the picture, the half of a line next to a node shows what that node believes of the node at the other end.')];
}

const KEY = [
  ['alive', 'alive: it answers'], ['suspect', 'suspect: it is being checked'], ['unreachable', 'unreachable: my link is broken, or I am cut off'],
  ['dead', 'dead: enough nodes agree'], ['left', 'left: it said goodbye'], ['joining', 'not heard yet, or no process'],
];

/** What one node believes of all others. */
export function ofNode(moment, run, t, node, choose) {
  const so = fate(run.truth(t).hosts[node]);
  const view = moment.nodes[node];
  const title = make('h2', {}, name(node), make('small', {}, ` ${so}`));
  if (!view) return [title, make('p', {}, 'No process runs here, so no one believes anything.')];
  const says = view.stalled ? 'It was paused: its opinions are on hold until it has pinged again.' : `It says of itself: ${spaced(view.state)}.`;
  const peers = view.peers.map((peer) => make('section', { class: 'peer' },
    make('h3', {}, badge(peer.state), make('button', { type: 'button', class: 'plain', onclick: () => choose([node, peer.peer].sort()) }, name(peer.peer)), ` ${state(peer)}`),
    make('p', {}, peer.why?.text ?? '')));
  return [title, make('p', {}, says), ...peers];
}

/** Both directions of a link, in full. */
export function ofLink(moment, [a, b]) {
  const directions = [[a, b], [b, a]].flatMap(([observer, subject]) => {
    const peer = moment.nodes[observer]?.peers.find((one) => one.peer === subject);
    const title = make('h3', {}, badge(peer?.state), `${name(observer)} about ${name(subject)}: ${peer ? state(peer) : 'no opinion'}`);
    return [title, ...(peer ? evidence(peer) : [make('p', {}, moment.nodes[observer] ? `${name(observer)} does not watch ${name(subject)}.` : `No process runs on ${name(observer)}.`)])];
  });
  return [make('h2', {}, `${name(a)} – ${name(b)}`), ...directions];
}

function state(peer) {
  const flags = [peer.degraded && 'degraded', peer.flapping && 'flapping'].filter(Boolean);
  const verdict = peer.verdict && peer.verdict !== 'down' ? ` (${spaced(peer.verdict)})` : '';
  return [`${word(peer.state)}${verdict} for ${peer.for}`, ...flags].join(', ');
}

function evidence(peer) {
  const { why } = peer;
  const facts = [
    ['rule', why?.decision && `${spaced(why.decision.rule)}: ${why.decision.from} to ${why.decision.to}, ${why.decision.ago} ago`],
    ['fails as', peer.class && `${peer.class}${why?.wait ? `, wait ${why.wait}` : ''}`],
    ['quorum', why?.quorum && `${why.quorum.needed} of ${why.quorum.observers} observers needed, ${why.quorum.accusations} accuse it`],
    ['accused by', peer.accusers.join(', ')],
    ...peer.witnesses.map((witness) => [witness.node, witness.said ? `asked ${witness.ago} ago: “${witness.said}”` : `asked ${witness.ago} ago, no answer yet`]),
    ['last sign of life', peer.last_proof && `${peer.last_proof} ago`],
    ['last answer', peer.last_answer && `${peer.last_answer} ago`],
    ['round trip', peer.round_trip && `${peer.round_trip}; a ping is late after ${why?.late_after}`],
    ['pings that failed', peer.loss == null ? null : `${Math.round(peer.loss * 100)} % of the last ten`],
    ['event stream', peer.streaming ? 'open' : 'none'],
    ['its pings', peer.pings_me ? 'arrive here' : 'do not arrive here'],
  ].filter(([, text]) => text);
  return [make('p', { class: 'why' }, why?.text ?? ''), make('dl', {}, ...facts.flatMap(([key, text]) => [make('dt', {}, key), make('dd', {}, text)]))];
}

/** How bad an entry is: the colour and the height of its mark. */
export function tone(entry) {
  if (entry.step) return 'step';
  if (entry.state === 'dead' || entry.event === 'self_cut_off' || entry.event === 'self_slow') return 'dead';
  if (entry.state === 'unreachable' || entry.event === 'peer_never_seen') return 'unreachable';
  if (entry.state === 'suspect' || entry.on || entry.event === 'self_stalled') return 'suspect';
  return entry.state === 'left' ? 'left' : 'alive';
}

const SIGN_OF_TONE = { step: '▸', dead: '✕', unreachable: '≠', suspect: '?', left: '–', alive: '✓' };

export class Events {
  constructor(place, seek) {
    this.place = place;
    this.seek = seek;
  }

  load(run) {
    const meet = run.started > 0 ? `${run.nodes} nodes started and met by ${run.entries[run.started - 1].at.toFixed(2)} s.` : '';
    this.items = run.told.map((entry) => {
      const kind = tone(entry);
      const text = entry.step ?? entry.sentence;
      const who = entry.step ? null : make('strong', {}, name(entry.node));
      return make('li', { class: kind, hidden: true }, make('button', { type: 'button', class: 'plain', onclick: () => this.seek(entry.at) },
        make('span', { class: 'time' }, `${entry.at.toFixed(3)} s`), make('span', { class: `badge ${kind}`, 'aria-hidden': 'true' }, SIGN_OF_TONE[kind]), make('span', {}, who, who ? ' ' : '', text)));
    });
    this.times = run.told.map((entry) => entry.at);
    this.list = make('ol', { class: 'story' }, ...this.items);
    this.end = make('p', { class: 'faint' });
    this.place.replaceChildren(make('h2', {}, 'What has happened so far'), make('p', { class: 'faint' }, meet), this.list, this.end);
    this.shown = 0;
  }

  show(t) {
    const now = this.times.filter((at) => at <= t + 1e-6).length;
    if (now === this.shown && this.end.textContent) return;
    this.items.forEach((item, index) => {
      item.hidden = index >= now;
      item.classList.toggle('latest', index === now - 1);
    });
    this.shown = now;
    const left = this.items.length - now;
    this.end.textContent = left > 0 ? `${left} more to come.` : 'Nothing more happens.';
    if (!this.place.hidden && now > 0) this.place.scrollTop = this.list.offsetTop + this.items[now - 1].offsetTop - this.place.clientHeight / 2;
  }
}
