import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Percentiles of a figure over a time of its own. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** Digits that histograms keep: a percentile is off by 1 % at most. */
const FIGURES = 2;
/** What is recorded is a whole number from 1 on. */
const [LOWEST, HIGHEST] = [1, 1e12];

/**
 * Percentiles of the last half to whole of a time span, in bounded memory: two histograms take turns, and the older half is dropped at
 * once. Percentiles since the start would hide what is going wrong now.
 */
export class Recent {
  #current = histogram();
  #before = histogram();
  #since: number;

  /**
   * @param spanMs the time span
   * @param resolution the smallest difference that matters, in the unit of what is recorded
   */
  constructor(
    private readonly spanMs: number,
    private readonly resolution: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#since = now();
  }

  /** What is no number or below the resolution counts as the least, what is too large as the most. */
  record(value: number): void {
    this.#turn();
    const steps = Math.round(value / this.resolution);
    this.#current.record(steps >= LOWEST ? Math.min(steps, HIGHEST) : LOWEST);
  }

  /** Undefined while there is nothing to tell of. */
  get percentiles(): Percentiles | undefined {
    this.#turn();
    const all = histogram();
    all.add(this.#before);
    all.add(this.#current);
    if (all.count === 0) return undefined;
    const at = (share: number) => all.percentile(share) * this.resolution;
    return { count: all.count, p50: at(50), p99: at(99) };
  }

  #turn(): void {
    const now = this.now();
    const halves = Math.floor((now - this.#since) / (this.spanMs / 2));
    if (halves === 0) return;
    this.#before = halves === 1 ? this.#current : histogram();
    this.#current = histogram();
    this.#since += (halves * this.spanMs) / 2;
  }
}

const histogram = (): RecordableHistogram => createHistogram({ lowest: LOWEST, highest: HIGHEST, figures: FIGURES });
