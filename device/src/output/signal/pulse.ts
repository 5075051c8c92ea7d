/** Something that is on or off. */
export interface Switch {
  /** @throws Error where the hardware does not obey */
  set(active: boolean): void;
}

/** A switch that does not go off is tried again after this, doubled up to the longest: a driver may take long to find out. */
const RETRY_MS = { first: 100, longest: 2000 };

/** One-shot: on at every trigger, off when the last pulse asked for is over. Pulses that overlap become one. */
export class Pulse {
  #timer: NodeJS.Timeout | undefined;
  #untilMs = 0;
  #waiters: (() => void)[] = [];

  /** @param failed hears why it could not be switched off: once until it is */
  constructor(
    private readonly output: Switch,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** @throws Error of the switch, on the way on */
  trigger(lengthMs: number): void {
    this.output.set(true);
    const now = performance.now();
    this.#untilMs = Math.max(now + lengthMs, this.#timer === undefined ? 0 : this.#untilMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expire(), Math.ceil(this.#untilMs - now));
  }

  /** Resolves when it is off. */
  async finished(): Promise<void> {
    if (this.#timer !== undefined) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Off now, if it is on; after this it is not tried again. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    try {
      this.output.set(false);
    } catch (error) {
      this.failed(error);
    }
    this.#over();
  }

  #expire(retryMs = RETRY_MS.first): void {
    try {
      this.output.set(false);
    } catch (error) {
      if (retryMs === RETRY_MS.first) this.failed(error);
      this.#timer = setTimeout(() => this.#expire(Math.min(2 * retryMs, RETRY_MS.longest)), retryMs);
      return;
    }
    this.#over();
  }

  #over(): void {
    this.#timer = undefined;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
