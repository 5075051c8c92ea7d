const FIRST_MS = 1000;
/** A connection that held for so long was none that the broker ends at once. */
const STEADY_MS = 5000;

/**
 * How long to wait before the next attempt: a random time up to a ceiling that doubles ("full jitter"), so that a hundred devices
 * that lost one broker do not all come back in the same moment.
 */
export class Backoff {
  readonly #first: number;
  #ceiling: number;
  #floor = 0;

  /** @param longestMs no wait is longer */
  constructor(
    private readonly longestMs: number,
    private readonly random: () => number = Math.random,
  ) {
    this.#first = Math.min(FIRST_MS, longestMs);
    this.#ceiling = this.#first;
  }

  /** Milliseconds to wait now. */
  next(): number {
    const wait = this.#floor + this.random() * (this.#ceiling - this.#floor);
    this.#floor = 0;
    this.#ceiling = Math.min(this.#ceiling * 2, this.longestMs);
    return wait;
  }

  /** A connection has ended that held for so long. */
  held(ms: number): void {
    if (ms >= STEADY_MS) this.#ceiling = this.#first;
  }

  /** Coming back soon would do harm: the next wait is half of the longest at least. */
  yield(): void {
    this.#ceiling = this.longestMs;
    this.#floor = this.longestMs / 2;
  }
}
