/**
 * When frames were taken by the clock of `performance.now()`, from times in a stream that began at an instant nobody told. Frames arrive late,
 * never early: the least difference seen between arrival and stream time is the best guess of that instant. It is forgotten slowly, so that
 * clocks may drift.
 */
export class StreamClock {
  #origin: number | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /**
   * @param timeMs the frame's time in the stream
   * @param arrivedMs by the clock of `performance.now()`
   * @returns by the same clock, at most `arrivedMs`
   */
  capturedMs(timeMs: number | undefined, arrivedMs: number): number {
    if (timeMs === undefined) return arrivedMs;
    // A stream that jumps back has begun anew.
    if (timeMs < this.#last) this.#origin = undefined;
    this.#last = timeMs;
    const origin = arrivedMs - timeMs;
    this.#origin =
      this.#origin === undefined ? origin : Math.min(origin, this.#origin + (origin - this.#origin) * FORGET);
    return Math.min(arrivedMs, this.#origin + timeMs);
  }
}

/** Of each frame: at 30 a second a drift is half made up for after some twenty seconds. */
const FORGET = 1 / 1000;
