/** One wait at a time that can be cut short. */
export class Wait {
  #end: (() => void) | undefined;

  constructor(private readonly signal?: AbortSignal | undefined) {}

  /** Resolves after `ms`, at {@link end}, or at the signal. */
  start(ms: number): Promise<void> {
    const { signal } = this;
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        this.#end = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end, { once: true });
      this.#end = end;
    });
  }

  end(): void {
    this.#end?.();
  }
}
