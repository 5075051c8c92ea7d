/** Numbers the frames of a driver from 0, so that those that were lost count. */
export class FrameNumbers {
  #number = -1;
  #driver: number | undefined;

  /** @param driver the driver's number of the frame, 32 bits */
  next(driver: number): number {
    const step = this.#driver === undefined ? 1 : (driver - this.#driver) >>> 0;
    this.#driver = driver;
    // Some drivers number nothing, and one that begins anew seems to leap ahead: then frames are counted.
    this.#number += step > 0 && step < 2 ** 31 ? step : 1;
    return this.#number;
  }
}
