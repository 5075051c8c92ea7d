/** When records of earlier processes were pushed, as far as it can be believed. */
interface Believed {
  /** In the order of the records. */
  readonly times: Float64Array;
  /** The longest leap of the clock that was not believed, in milliseconds; 0: there was none. */
  readonly leapMs: number;
}

/**
 * Puts the times of records that earlier processes have pushed on the clock of this one. Any of their clocks may have been wrong, or this
 * one is: a device without a battery for its clock starts with the time of its last end, or in 1970. The order is certain, so
 * between neighbours, and between the newest and now, only what is neither negative nor longer than `longestMs` counts as passed.
 * @param stamps what the records say, oldest first
 */
export function believedTimes(stamps: readonly number[], now: number, longestMs: number): Believed {
  const times = new Float64Array(stamps.length);
  let [time, later, leapMs] = [now, now, 0];
  for (let i = stamps.length - 1; i >= 0; i--) {
    const stamp = stamps[i] as number;
    const passed = later - stamp;
    if (passed > longestMs) leapMs = Math.max(leapMs, passed);
    else if (passed > 0) time -= passed;
    times[i] = time;
    later = stamp;
  }
  return { times, leapMs };
}
