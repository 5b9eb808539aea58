// Packets in flight, on a canvas over the drawing.

import { TOP } from './mesh.js';

/** A packet is drawn for at least this long in the watcher's time: most fly for less than a frame. */
const SEEN = 0.42;
/** Where time flies, packets fly faster, or the picture would be full of them. */
const FASTEST_DRAWN = 1;
/** No eye follows more. */
const DRAWN_MAX = 240;
const REJECTED = 3;
const LOST = 4;

/** What waits for another packet is drawn after it: an answer leaves when its ping is seen to arrive. */
const AFTER = { opened: 1, reset: 1, answer: 1, check: 2, witness_ping: 2, goodbye: 2, question: 2, stream: 2, testimony: 3, stream_opened: 3 };
const REPLIES = new Set(['opened', 'reset', 'end', 'answer', 'testimony', 'stream_opened']);

export class Flight {
  constructor(canvas, mesh) {
    this.canvas = canvas;
    this.mesh = mesh;
    this.pen = canvas.getContext('2d');
    this.resize();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.colours();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.colours());
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const scale = Math.min(2, devicePixelRatio);
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    [this.ink, this.ground, this.bad] = ['--packet', '--ground', '--bad-strong'].map((one) => style.getPropertyValue(one));
  }

  /** Draws what flies at `t`, where `speed` seconds of the run pass in one of the watcher. */
  draw(run, t, speed) {
    const { pen } = this;
    const scale = this.canvas.width / this.mesh.width;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.setTransform(scale, 0, 0, scale, 0, -TOP * scale);
    const { packets, kinds } = run;
    const least = SEEN * Math.min(speed, FASTEST_DRAWN);
    // Sent long before and still flying: the latest that a scenario may have is a second.
    const from = t - Math.max(1.2, least * 4.2);
    const count = packets.length / 4;
    let drawn = 0;
    pen.lineWidth = 1.6;
    for (let index = firstAfter(packets, from * 1e6); index < count && drawn < DRAWN_MAX; index += 1) {
      const sent = packets[index * 4] / 1e6;
      if (sent > t) break;
      const packed = packets[index * 4 + 3];
      const kind = kinds[(packed >> 8) & 255];
      const fate = (packed >> 16) & 15;
      const arrived = packets[index * 4 + 1] / 1e6;
      const flight = Math.max(arrived - sent, least);
      const part = (t - sent - (AFTER[kind] ?? 0) * Math.max(0, least - (arrived > 0 ? arrived - sent : 0))) / flight;
      if (part < 0 || part >= 1) continue;
      drawn += this.packet(packed & 15, (packed >> 4) & 15, kind, fate, part);
    }
  }

  packet(a, b, kind, fate, part) {
    const [from, to] = [this.mesh.places[a], this.mesh.places[b]];
    if (!from || !to) return 0;
    const { pen } = this;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    const ends = fate === LOST || fate === REJECTED;
    // From the rim of one node to that of the other; beside the line, so that both directions can be seen.
    const way = (33 + (length - 66) * Math.min(part, ends ? 0.55 : 1)) / length;
    const x = from[0] + dx * way - (dy / length) * 7;
    const y = from[1] + dy * way + (dx / length) * 7;
    if (ends && part > 0.55) {
      pen.globalAlpha = 1 - (part - 0.55) / 0.45;
      pen.strokeStyle = this.bad;
      pen.lineWidth = 2.2;
      pen.beginPath();
      pen.moveTo(x - 4.5, y - 4.5);
      pen.lineTo(x + 4.5, y + 4.5);
      pen.moveTo(x + 4.5, y - 4.5);
      pen.lineTo(x - 4.5, y + 4.5);
      pen.stroke();
      pen.lineWidth = 1.6;
      pen.globalAlpha = 1;
      return 1;
    }
    const small = kind === 'comment' || kind === 'news';
    pen.beginPath();
    pen.arc(x, y, small ? 2.2 : 3.8, 0, 7);
    if (REPLIES.has(kind)) {
      pen.fillStyle = this.ground;
      pen.fill();
      pen.strokeStyle = this.ink;
      pen.stroke();
    } else {
      pen.fillStyle = this.ink;
      pen.fill();
    }
    return 1;
  }
}

/** The first packet that was sent after `time`, in microseconds. */
function firstAfter(packets, time) {
  let low = 0;
  let high = packets.length / 4;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (packets[middle * 4] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
