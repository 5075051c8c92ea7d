import type { Axis } from './axis.js';

interface Reading {
  /** Counts since the first reading, forwards, without wrapping. */
  readonly position: number;
  /** By `performance.now()`. */
  readonly atMs: number;
}

export interface TrackOptions {
  /** Width of the counter; null: it never begins again at 0. */
  readonly bits: 16 | 32 | null;
  readonly reverse: boolean;
  readonly countsPerSecond?: number | undefined;
  /** A count that falls back by more than this is that of a counter that began anew. */
  readonly resetCounts: number;
  /** What a position may be out by, as a time in milliseconds. */
  readonly toleranceMs: number;
}

/** Enough for the seconds between a capture and its result, at any sensible rate of readings. */
const READINGS = 1024;

/**
 * Where the belt is and was, from readings of a counter: unwrapped, and reckoned between readings. Beyond the newest reading it is
 * reckoned for as long as the last two lay apart, and not at all when they were equal: the belt may have stopped. After that no
 * position is known until the next reading. Where readings were missing it is known afterwards if the belt stood, or ran as fast as ever
 * before; otherwise it never is.
 */
export class EncoderTrack implements Axis {
  #readings: Reading[] = [];
  #raw: number | undefined;

  constructor(
    private readonly options: TrackOptions,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes a reading; says whether the counter began anew, so that old targets mean nothing. */
  read(raw: number, atMs = this.now()): 'moved' | 'anew' {
    const delta = this.#raw === undefined ? 0 : this.#delta(raw - this.#raw);
    const position = (this.#readings.at(-1)?.position ?? 0) + delta;
    this.#raw = raw;
    if (delta < -this.options.resetCounts) {
      this.#readings = [{ position: 0, atMs }];
      return 'anew';
    }
    this.#readings.push({ position, atMs });
    if (this.#readings.length > READINGS) this.#readings.shift();
    return 'moved';
  }

  /** The position at a time; undefined before the first reading and in a silence. */
  at(ms: number): number | undefined {
    const i = this.#readings.findLastIndex((reading) => reading.atMs <= ms);
    const [from, to] = [this.#readings[i], this.#readings[i + 1]];
    if (!from) return undefined;
    if (to && !this.#silentAfter(i)) {
      return from.position + ((to.position - from.position) * (ms - from.atMs)) / (to.atMs - from.atMs);
    }
    return ms - from.atMs <= this.#stepMs(i) + this.options.toleranceMs ? this.#reckon(i, ms) : undefined;
  }

  /** Whether the next reading may tell the position at a time that is not known yet. */
  mayTell(ms: number): boolean {
    const last = this.#readings.at(-1);
    return last !== undefined && ms > last.atMs;
  }

  reached(target: number): boolean {
    const last = this.#readings.length - 1;
    return last >= 0 && this.#reckon(last, this.now()) >= target;
  }

  msUntil(target: number): number | undefined {
    const i = this.#readings.length - 1;
    const [last, speed] = [this.#readings[i], this.#speed(i)];
    if (!last || speed <= 0) return undefined;
    const [ms, sinceMs] = [(target - last.position) / speed, this.now() - last.atMs];
    // Beyond the step nothing moves before the next reading.
    return Math.max(ms, sinceMs) <= this.#stepMs(i) ? ms - sinceMs : undefined;
  }

  /** In a silence nobody knows when a target was passed: as late as it can be. */
  lateMs(target: number): number {
    const now = this.now();
    const points = [...this.#readings, { position: this.#reckon(this.#readings.length - 1, now), atMs: now }];
    for (let i = points.length - 2; i >= 0; i--) {
      const [from, to] = [points[i] as Reading, points[i + 1] as Reading];
      if (from.position >= target || to.position < target) continue;
      const share = this.#silentAfter(i) ? 0 : (target - from.position) / (to.position - from.position);
      return Math.max(0, now - (from.atMs + share * (to.atMs - from.atMs)));
    }
    return now - (points[0] as Reading).atMs;
  }

  #delta(difference: number): number {
    const { bits, reverse } = this.options;
    const range = bits === null ? Number.POSITIVE_INFINITY : 2 ** bits;
    // The shorter way round.
    const wrapped = bits === null ? difference : difference - range * Math.round(difference / range);
    return reverse ? -wrapped : wrapped;
  }

  /** The position some time after a reading, as far as the readings up to it tell. */
  #reckon(i: number, ms: number): number {
    const { position, atMs } = this.#readings[i] as Reading;
    return position + this.#speed(i) * Math.min(ms - atMs, this.#stepMs(i));
  }

  /** Whether readings are missing after one, and the belt neither stood meanwhile nor ran at its top speed: to a step. */
  #silentAfter(i: number): boolean {
    const [from, to] = [this.#readings[i], this.#readings[i + 1]];
    if (i === 0 || !from || !to) return false;
    const ms = to.atMs - from.atMs;
    const reachMs = this.#stepMs(i) + this.options.toleranceMs;
    if (ms <= this.#stepMs(i) + reachMs) return false;
    const moved = Math.abs(to.position - from.position);
    const topSpeed = this.#topSpeed(i);
    return Math.min(moved, Math.abs(topSpeed * ms - moved)) > topSpeed * reachMs;
  }

  /**
   * Counts a millisecond up to a reading. The count of a reading that came late is that of another time: so speeds are those over the
   * tolerance at least, and the lesser of two that begin at different readings.
   */
  #topSpeed(last: number): number {
    const readings = this.#readings.slice(0, last + 1);
    let start = -1;
    const speeds = readings.map((end) => {
      while (end.atMs - (readings[start + 1] as Reading).atMs >= Math.max(this.options.toleranceMs, 1)) start++;
      const starts = readings.slice(Math.max(start - 1, 0), start + 1);
      const each = starts.map(({ position, atMs }) => Math.abs(end.position - position) / (end.atMs - atMs));
      return each.length > 0 ? Math.min(...each) : 0;
    });
    return Math.max(...speeds);
  }

  /** Counts a millisecond, when a reading came. */
  #speed(i: number): number {
    const [before, reading] = [this.#readings[i - 1], this.#readings[i]];
    if (!before || !reading || before.position === reading.position) return 0;
    const { countsPerSecond } = this.options;
    const measured = (reading.position - before.position) / Math.max(reading.atMs - before.atMs, 1e-3);
    return countsPerSecond === undefined ? measured : (Math.sign(measured) * countsPerSecond) / 1000;
  }

  /** How long after the one before it a reading came; 0 where there is none. */
  #stepMs(i: number): number {
    const [before, reading] = [this.#readings[i - 1], this.#readings[i]];
    return before && reading ? reading.atMs - before.atMs : 0;
  }
}
