export interface BucketLimits {
  readonly perSecond: number;
  /** So many at once, after a rest. */
  readonly burst: number;
}

/** A token bucket: lets through `burst` at once, and `perSecond` in the long run. */
export class Bucket {
  #tokens: number;
  #at: number;

  /** @param now milliseconds of a clock that only runs forward */
  constructor(
    private readonly limits: BucketLimits,
    private readonly now: () => number,
  ) {
    this.#tokens = limits.burst;
    this.#at = now();
  }

  /** Takes a token, if there is one. */
  take(): boolean {
    const { perSecond, burst } = this.limits;
    const now = this.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
