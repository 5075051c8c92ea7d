/** Less is the clock being trimmed. */
const STEP_MS = 1000;

/**
 * The time of this page, in epoch milliseconds. It runs as time passes: when the clock of the computer is set, it goes on by the old one until
 * it is told to follow, so that nobody takes an old verdict for a new one in between.
 */
export class PageClock {
  /** By how much it is ahead of `steady`. */
  #aheadMs: number;

  /**
   * @param date the computer's clock, epoch milliseconds
   * @param steady milliseconds that no setting of a clock moves
   */
  constructor(
    private readonly date: () => number = Date.now,
    private readonly steady: () => number = () => performance.now(),
  ) {
    this.#aheadMs = date() - steady();
  }

  get now(): number {
    return this.steady() + this.#aheadMs;
  }

  /** Follows the computer's clock. Returns by how much that was set, in milliseconds; 0: it was not. */
  follow(): number {
    const byMs = this.date() - this.now;
    if (Math.abs(byMs) < STEP_MS) return 0;
    this.#aheadMs += byMs;
    return byMs;
  }
}
