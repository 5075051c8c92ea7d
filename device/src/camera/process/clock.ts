/**
 * When frames were taken by the device's clock, from times in a stream that began at an instant nobody told. Frames arrive late, never early: the
 * least difference seen between arrival and stream time is the best guess of that instant. It is forgotten slowly, so that clocks may drift.
 */
export class StreamClock {
  #origin: number | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /**
   * @param timeMs the frame's time in the stream
   * @param arrivedAt milliseconds since 1970
   * @returns milliseconds since 1970, at most `arrivedAt`
   */
  capturedAt(timeMs: number | undefined, arrivedAt: number): number {
    if (timeMs === undefined) return arrivedAt;
    // A stream that jumps back has begun anew.
    if (timeMs < this.#last) this.#origin = undefined;
    this.#last = timeMs;
    const origin = arrivedAt - timeMs;
    this.#origin =
      this.#origin === undefined ? origin : Math.min(origin, this.#origin + (origin - this.#origin) * FORGET);
    return Math.min(arrivedAt, this.#origin + timeMs);
  }
}

/** At 30 frames a second a jump of the clock is half forgotten after some twenty seconds. */
const FORGET = 1 / 1000;
