/** A threshold, and the false-reject rate that the calibration promises with it. */
export interface ConformalThreshold {
  readonly threshold: number;
  /** The wanted rate, or 1 / (n + 1) where there are too few scores for that. */
  readonly attained: number;
}

/**
 * Which of n ascending calibration scores is the split-conformal threshold for a wanted false-reject rate a: the ceil((n+1)(1-a))-th; the
 * last where n is too small for a. A new good product scores above the k-th with a probability that is (n+1-k)/(n+1) on average over
 * calibrations, and distributed as Beta(n+1-k, k) over them.
 * Source: V. Vovk, Conditional validity of inductive conformal predictors (2012).
 * @param n at least one
 * @param rate greater than 0 and less than 1
 * @returns k, 1 to n
 */
export function conformalRank(n: number, rate: number): number {
  return Math.min(Math.max(unboundedRank(n, rate), 1), n);
}

// The small term keeps a product such as 20 * 0.95 from being rounded up past itself.
const unboundedRank = (n: number, rate: number) => Math.ceil((n + 1) * (1 - rate) - 1e-9);

/**
 * Split-conformal threshold of ascending `scores` of good products; frames at or above it are rejected. The ceil((n+1)(1-a))-th
 * smallest of n scores is exceeded by a new good product with probability at most a. Where n is too small for a (that rank is n+1),
 * nothing above the largest score can be promised: it is taken itself, nudged up.
 * @param scores ascending, at least one
 * @param rate wanted false-reject rate a, greater than 0 and less than 1
 */
export function conformalThreshold(scores: readonly number[], rate: number): ConformalThreshold {
  const n = scores.length;
  const score = scores[conformalRank(n, rate) - 1] as number;
  // A good product may score exactly this and must pass: the comparison at run time is >=.
  const threshold = score + Math.max(Math.abs(score) * 1e-6, Number.MIN_VALUE);
  return { threshold, attained: unboundedRank(n, rate) <= n ? rate : smallestRate(scores) };
}

/** The smallest false-reject rate that so many calibration scores can promise. */
export function smallestRate(scores: readonly number[]): number {
  return 1 / (scores.length + 1);
}
