/** The clock of the day may be off by so much: it is slewed, not stepped. */
const SLACK_MS = 60_000;

/** Milliseconds since 1970 that do not step by themselves: those of an anchor, counted on. */
export class AnchoredClock {
  #wall = Date.now();
  #anchored = performance.now();

  now(): number {
    return this.#wall + performance.now() - this.#anchored;
  }

  /** Anchors anew where the clock of the day was set. @returns by how much this one goes ahead with that, in milliseconds; mostly 0 */
  correct(): number {
    const by = Date.now() - this.now();
    if (Math.abs(by) <= SLACK_MS) return 0;
    this.#wall += by;
    return by;
  }
}
