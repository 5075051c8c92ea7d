/** Waits for something to come true; whoever changes it says so. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  /** Has all who wait look again. */
  changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves when `holds`, or when the signal comes first. */
  async until(holds: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!holds() && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
      });
    }
  }
}
