// The drawing: nodes on a circle, a line between every two. The half of a line next to a node shows what that node believes.

import { fate, name, sign, spaced, word } from './run.js';

const SVG = 'http://www.w3.org/2000/svg';
const RADIUS = 30;
/** Room for two lines of words above the highest node and below the lowest. */
export const TOP = -16;
const HEIGHT = 432;

function draw(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text != null) element.textContent = text;
  parent.append(element);
  return element;
}

/** Attributes are written only when they change: most frames change none. */
function put(element, key, value) {
  if (element.getAttribute(key) !== value) element.setAttribute(key, value);
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element, shown) {
  put(element, 'display', shown ? 'inline' : 'none');
}

const between = ([ax, ay], [bx, by], part) => [ax + (bx - ax) * part, ay + (by - ay) * part];

/** On a phone the picture is as wide as it is high, so that it can be read. */
const narrow = matchMedia('(max-width: 34rem)');

function places(nodes, middle) {
  if (nodes === 1) return [middle];
  const wide = narrow.matches ? (nodes > 6 ? 148 : 135) : nodes > 6 ? 240 : 200;
  const [rx, ry] = nodes === 2 ? [wide, 0] : [wide, nodes === 3 ? 150 : 138];
  const low = nodes === 3 ? 28 : 0;
  return Array.from({ length: nodes }, (_, node) => {
    const angle = (2 * Math.PI * node) / nodes - (nodes === 2 ? Math.PI : Math.PI / 2);
    return [middle[0] + rx * Math.cos(angle), middle[1] + low + ry * Math.sin(angle)];
  });
}

export class Mesh {
  constructor(svg, choose) {
    this.svg = svg;
    this.choose = choose;
    /** Calls back when the picture has another shape. */
    this.turned = () => {};
    narrow.addEventListener('change', () => {
      const { count } = this;
      this.count = undefined;
      this.build(count);
      this.turned();
    });
  }

  /** Draws everything anew; what changes later is kept in `nodes` and `links`. */
  build(count) {
    if (count === this.count) return;
    this.count = count;
    this.width = narrow.matches ? 420 : 640;
    this.middle = [this.width / 2, 200];
    this.places = places(count, this.middle);
    this.crowded = count > 6;
    this.svg.setAttribute('viewBox', `0 ${TOP} ${this.width} ${HEIGHT}`);
    this.svg.replaceChildren();
    const [lines, marks, hosts] = ['lines', 'marks', 'hosts'].map((of) => draw(this.svg, 'g', { class: of }));
    this.links = [];
    for (let a = 0; a < count; a += 1) {
      for (let b = a + 1; b < count; b += 1) this.links.push(this.link(lines, marks, a, b));
    }
    this.nodes = this.places.map((_, node) => this.node(hosts, node));
  }

  link(lines, marks, a, b) {
    const [from, to] = [this.places[a], this.places[b]];
    const middle = between(from, to, 0.5);
    const group = draw(lines, 'g', { class: 'link', role: 'button', tabindex: '-1', 'data-link': `${a}-${b}` });
    const hit = { x1: from[0], y1: from[1], x2: to[0], y2: to[1] };
    draw(group, 'line', { ...hit, class: 'hit' });
    const half = (start) => draw(group, 'line', { x1: start[0], y1: start[1], x2: middle[0], y2: middle[1], class: 'half' });
    const badge = (near, far) => {
      const length = Math.hypot(far[0] - near[0], far[1] - near[1]);
      const [x, y] = between(near, far, Math.min(0.4, (RADIUS + (this.crowded ? 16 : 24)) / length));
      const mark = draw(marks, 'g', { class: 'belief', transform: `translate(${x} ${y})` });
      draw(mark, 'circle', { r: this.crowded ? 8.5 : 11 });
      draw(mark, 'text', { y: this.crowded ? 4.5 : 5, class: this.crowded ? 'small' : '' });
      return mark;
    };
    const angle = (Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI;
    const fault = draw(marks, 'g', { class: 'fault', transform: `translate(${middle[0]} ${middle[1]})` });
    const gap = draw(fault, 'g', { transform: `rotate(${angle})` });
    draw(gap, 'path', { d: 'M-9 -9 L-2 9 M2 -9 L9 9', class: 'gap' });
    const label = draw(fault, 'g', {});
    draw(label, 'rect', { rx: 8, height: 18, y: -9 });
    draw(label, 'text', { y: 4.5 });
    group.addEventListener('click', () => this.choose([a, b]));
    group.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.choose([a, b]);
    });
    return { a, b, group, halves: [half(from), half(to)], badges: [badge(from, to), badge(to, from)], fault, gap, label };
  }

  node(hosts, node) {
    const [x, y] = this.places[node];
    const group = draw(hosts, 'g', { class: 'host', role: 'button', tabindex: '0', transform: `translate(${x} ${y})`, 'data-node': String(node) });
    draw(group, 'circle', { r: RADIUS + 6, class: 'halo' });
    draw(group, 'circle', { r: RADIUS, class: 'body' });
    draw(group, 'text', { y: 5, class: 'name' }, name(node));
    // Away from the middle, where the lines are.
    const up = y < this.middle[1] - 10 ? -1 : 1;
    const away = (rows) => (up < 0 ? -RADIUS - 10 - 16 * rows : RADIUS + 20 + 16 * rows);
    const word = draw(group, 'text', { y: away(0), class: 'word' });
    const self = draw(group, 'text', { y: away(1), class: 'self' });
    const side = draw(group, 'text', { y: 20, class: 'side' });
    group.addEventListener('click', () => this.choose([node]));
    group.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.choose([node]);
    });
    return { group, word, self, side };
  }

  /** Beliefs, real states, and what is chosen. */
  show(beliefs, truth, selves, chosen, sides) {
    const parts = new Set(chosen ?? []);
    this.nodes.forEach(({ group, word: shown, self, side }, node) => {
      const host = truth.hosts[node];
      const so = fate(host);
      const kind = host.process !== 'running' ? 'ended' : host.frozen ? 'frozen' : so === 'running' ? 'well' : 'sick';
      const isChosen = chosen?.length === 1 && parts.has(node);
      put(group, 'class', `host ${kind}${isChosen ? ' chosen' : ''}`);
      put(group, 'aria-pressed', String(isChosen));
      say(shown, so);
      const says = host.process === 'running' && selves[node] && selves[node] !== 'ready' ? `says: I am ${spaced(selves[node])}` : '';
      say(self, says);
      const onSide = sides ? Number(sides.has(node)) : host.group;
      say(side, onSide == null ? '' : `side ${'ABCDEFGHI'[onSide]}`);
      const others = beliefs.map((of, observer) => (observer === node || !of[node].state ? null : `${name(observer)} believes: ${word(of[node].state)}`));
      put(group, 'aria-label', [`${name(node)}: ${so}`, says, ...others].filter(Boolean).join('. '));
    });
    for (const link of this.links) this.showLink(link, beliefs, truth, chosen);
  }

  showLink({ a, b, group, halves, badges, fault, gap, label }, beliefs, truth, chosen) {
    const isChosen = chosen?.length === 2 && chosen[0] === a && chosen[1] === b;
    put(group, 'class', `link${isChosen ? ' chosen' : ''}`);
    put(group, 'aria-pressed', String(isChosen));
    [[a, b], [b, a]].forEach(([observer, subject], index) => {
      const { state } = beliefs[observer][subject];
      put(halves[index], 'class', `half ${state ?? 'none'}`);
      put(badges[index], 'class', `belief ${state ?? 'none'}`);
      show(badges[index], state != null && state !== 'alive' && state !== 'joining');
      say(badges[index].lastChild, sign(state));
    });
    const own = truth.links.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
    const [one, other] = [truth.hosts[a].group, truth.hosts[b].group];
    const apart = one != null && other != null && one !== other;
    const text = own ? faultWords(own, a, this.places) : '';
    show(fault, own != null || apart);
    show(gap, apart || own?.act === 'cut');
    show(label, own != null && own.act !== 'cut');
    say(label.lastChild, text);
    const width = text.length * 6.7 + 14;
    put(label.firstChild, 'width', String(width));
    put(label.firstChild, 'x', String(-width / 2));
    const so = own ? `, ${own.act === 'cut' ? 'cut' : text}` : apart ? ', split' : '';
    put(group, 'aria-label', `link of ${name(a)} and ${name(b)}${so}`);
  }
}

function faultWords({ a, b, act, percent }, first, places) {
  // The arrow points to where the packets do not come through.
  const rightward = places[b][0] >= places[a][0];
  const way = (text) => (rightward ? `${text} ▸` : `◂ ${text}`);
  if (act === 'loss') return percent && `${percent} % lost`;
  if (act === 'drop') return way('no packet');
  if (act === 'block') return way('no request');
  return act === 'reject' ? 'refuses' : act;
}
