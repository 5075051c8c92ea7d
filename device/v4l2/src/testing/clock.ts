/** Time for a driver: of the clock, or made up by a test. */
export interface Clock {
  now(): number;
  sleep(ms: number): void;
}

export const REAL: Clock = {
  now: () => performance.now(),
  sleep: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};

/** A clock that only sleeping moves. */
export function virtualClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    sleep: (ms) => {
      now += ms;
    },
  };
}
