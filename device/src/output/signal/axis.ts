/** What the way to the ejector is measured by: time, or counts of an encoder. */
export interface Axis {
  /** Whether a target has been reached. */
  reached(target: number): boolean;
  /** Milliseconds until a target is reached as far as can be told; undefined: the axis must say so itself. */
  msUntil(target: number): number | undefined;
  /** For how long a target has been passed, in milliseconds, at least 0. */
  lateMs(target: number): number;
}

/** Milliseconds of `performance.now()`, which no setting of the clock moves. */
export const TIME: Axis = {
  reached: (target) => performance.now() >= target,
  msUntil: (target) => target - performance.now(),
  lateMs: (target) => Math.max(0, performance.now() - target),
};
