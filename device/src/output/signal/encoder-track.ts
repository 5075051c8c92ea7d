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
}

/** Enough for the seconds between a capture and its result, at any sensible rate of readings. */
const READINGS = 1024;

/**
 * Where the belt is and was, from readings of a counter: unwrapped, and reckoned between readings. Beyond the newest reading it is
 * reckoned for as long as the last two lay apart, and not at all when they were equal: the belt may have stopped.
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

  /** The position at a time; undefined before the first reading. */
  at(ms: number): number | undefined {
    const after = this.#readings.findLastIndex((reading) => reading.atMs <= ms);
    const [from, to] = [this.#readings[after], this.#readings[after + 1]];
    if (!from) return undefined;
    if (!to) return from.position + this.#speed() * Math.min(ms - from.atMs, this.#horizonMs());
    return from.position + ((to.position - from.position) * (ms - from.atMs)) / (to.atMs - from.atMs);
  }

  reached(target: number): boolean {
    const position = this.at(this.now());
    return position !== undefined && position >= target;
  }

  msUntil(target: number): number | undefined {
    const [last, speed] = [this.#readings.at(-1), this.#speed()];
    if (!last || speed <= 0) return undefined;
    const [ms, sinceMs] = [(target - last.position) / speed, this.now() - last.atMs];
    // Beyond the horizon nothing moves before the next reading.
    return Math.max(ms, sinceMs) <= this.#horizonMs() ? ms - sinceMs : undefined;
  }

  lateMs(target: number): number {
    const now = this.now();
    const points = [...this.#readings, { position: this.at(now) ?? 0, atMs: now }];
    for (let i = points.length - 1; i > 0; i--) {
      const [from, to] = [points[i - 1] as Reading, points[i] as Reading];
      if (from.position >= target || to.position < target) continue;
      const share = (target - from.position) / (to.position - from.position);
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

  /** Counts a millisecond. */
  #speed(): number {
    const [before, last] = this.#readings.slice(-2);
    if (!before || !last || before.position === last.position) return 0;
    const { countsPerSecond } = this.options;
    const measured = (last.position - before.position) / Math.max(last.atMs - before.atMs, 1e-3);
    return countsPerSecond === undefined ? measured : (Math.sign(measured) * countsPerSecond) / 1000;
  }

  #horizonMs(): number {
    const [before, last] = this.#readings.slice(-2);
    return before && last ? last.atMs - before.atMs : 0;
  }
}
