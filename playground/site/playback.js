// The clock of the page: where in the run the watcher is, and how fast it goes.

const SLOWEST = 0.12;
const FASTEST = 4;

export class Playback {
  /** `changed(t, speed)` is called for each frame in which the time has changed. */
  constructor(changed) {
    this.changed = changed;
    this.t = 0;
    this.chosen = 'auto';
    this.playing = false;
    this.frame = (now) => this.tick(now);
  }

  /** Another run at the same time, or at `t`. */
  load(run, t = this.t) {
    this.run = run;
    this.seek(t);
  }

  seek(t) {
    this.t = Math.min(Math.max(0, t), this.run.length);
    this.changed(this.t, this.speed());
  }

  play() {
    if (this.t >= this.run.length) this.t = Math.max(0, this.run.first - 1);
    this.playing = true;
    this.before = undefined;
    this.changed(this.t, this.speed());
    requestAnimationFrame(this.frame);
  }

  pause() {
    this.playing = false;
    if (this.run) this.changed(this.t, this.speed());
  }

  tick(now) {
    if (!this.playing) return;
    // A tab that was hidden continues where it was.
    const passed = Math.min(0.1, (now - (this.before ?? now)) / 1000);
    this.before = now;
    if (passed > 0) {
      this.t = Math.min(this.run.length, this.t + passed * this.speed());
      if (this.t >= this.run.length) this.playing = false;
      this.changed(this.t, this.speed());
    }
    if (this.playing) requestAnimationFrame(this.frame);
  }

  /** Seconds of the run in one of the watcher. By itself: slow where something happens, fast where nothing does. */
  speed() {
    if (this.chosen !== 'auto') return Number(this.chosen);
    const next = (this.run.next(this.t) ?? Infinity) - this.t;
    const since = this.t - (this.run.previous(this.t + 0.001) ?? -Infinity);
    return Math.min(FASTEST, SLOWEST + 0.9 * Math.min(next, since));
  }
}
