// One run as the engine gives it, with an index of what holds at any time.

/** How many of `changes`, which are in the order of time, are not after `t`. */
export function until(changes, t, at = (change) => change.at) {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(changes[middle]) <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const name = (node) => `node-${node + 1}`;

export class Run {
  constructor(answer) {
    Object.assign(this, answer);
    this.packets ??= new Uint32Array(0);
    /** Entries after the nodes have met. */
    this.told = this.entries.slice(this.started);
    this.moments = [...new Set(this.told.map((entry) => entry.at))];
    this.steps = this.entries.filter((entry) => entry.step);
    /** Where something interesting begins. */
    this.first = this.steps[0]?.at ?? this.told[0]?.at ?? Math.min(5, this.length);
    this.known = { count: -1 };
  }

  /** `[observer][subject]`: the state and verdict that the observer believes of the subject; no state for none. */
  beliefs(t) {
    const count = until(this.beliefsList, t, (change) => change[0]);
    if (count === this.known.count) return this.known.beliefs;
    const beliefs = Array.from({ length: this.nodes }, () => Array.from({ length: this.nodes }, () => ({ state: null, since: 0 })));
    for (let index = 0; index < count; index += 1) {
      const [at, observer, subject, state, verdict] = this.beliefsList[index];
      const before = beliefs[observer][subject];
      if (state !== before.state || verdict) {
        beliefs[observer][subject] = { state, verdict, since: state === before.state ? before.since : at };
      }
    }
    this.known = { count, beliefs };
    return beliefs;
  }

  /** What each node says about itself. */
  selves(t) {
    const selves = Array(this.nodes).fill(null);
    for (const [at, node, state] of this.selvesList) {
      if (at > t) break;
      selves[node] = state;
    }
    return selves;
  }

  /** What the scenario has done to hosts and links. */
  truth(t) {
    return this.truthList[Math.max(0, until(this.truthList, t) - 1)];
  }

  next(t) {
    return this.moments.find((at) => at > t + 0.0005);
  }

  previous(t) {
    return this.moments.findLast((at) => at < t - 0.0005);
  }
}

/** The engine's answer with names that say which are lists. */
export function runOf({ beliefs, selves, truth, ...rest }) {
  return new Run({ beliefsList: beliefs, selvesList: selves, truthList: truth, ...rest });
}

const SIGNS = { alive: '✓', suspect: '?', unreachable: '≠', dead: '✕', left: '–', joining: '…' };

export const sign = (state) => SIGNS[state] ?? '…';
export const word = (state) => (state === 'joining' ? 'not heard yet' : state ?? 'no opinion');
export const spaced = (text) => (text ?? '').replaceAll('_', ' ');

/** The real state of a node, in a word or two. */
export function fate(host) {
  if (host.process === 'absent') return 'not started';
  if (host.process !== 'running') return host.process;
  const faults = [];
  if (host.frozen) faults.push('frozen');
  if (host.starved && !host.frozen) faults.push('reads late');
  if (host.unplugged) faults.push('no network');
  const loss = Math.max(host.loss_from, host.loss_to);
  if (loss > 0) faults.push(`loses ${loss} %`);
  return faults.join(', ') || 'running';
}

/** An element with attributes, properties and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}
