/** Does something no more often than every `intervalMs`; requests in between are answered by one at the end. */
export class RateLimit {
  #last = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly intervalMs: number) {}

  request(act: () => void): void {
    if (this.#timer) return;
    const wait = this.#last + this.intervalMs - performance.now();
    const now = () => {
      this.#timer = undefined;
      this.#last = performance.now();
      act();
    };
    if (wait <= 0) now();
    else this.#timer = setTimeout(now, wait).unref();
  }

  /** Forgets what was asked for and not done. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
