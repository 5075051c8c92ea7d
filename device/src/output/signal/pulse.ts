/** Something that is on or off. */
export interface Switch {
  /** @throws Error where the hardware does not obey */
  set(active: boolean): void;
}

/** One-shot: on at every trigger, off when the last pulse asked for is over. Pulses that overlap become one. */
export class Pulse {
  #timer: NodeJS.Timeout | undefined;
  #untilMs = 0;
  #waiters: (() => void)[] = [];

  /** @param failed hears why it could not be switched off */
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
    this.#timer = setTimeout(() => this.end(), Math.ceil(this.#untilMs - now));
  }

  /** Resolves when it is off. */
  async finished(): Promise<void> {
    if (this.#timer !== undefined) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Off now, if it is on. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      this.output.set(false);
    } catch (error) {
      this.failed(error);
    }
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
