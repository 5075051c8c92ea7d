import type { Point } from './model.js';

/** Weight of the newest product. Some 40 products count. */
const WEIGHT = 0.05;
/** Control limits lie so many standard deviations from the centre. */
const SIGMAS = 3;
/** With fewer results there are no limits. */
const ENOUGH = 20;

/** The share of products that did not pass, with control limits. All are shares 0..1. */
export interface RateChart {
  /** Exponentially weighted moving average, one value a result, oldest first. */
  readonly values: readonly number[];
  /** Mean of all results. */
  readonly centre: number;
  readonly lower: number;
  /** undefined: too few results to tell. */
  readonly upper: number | undefined;
}

/**
 * EWMA chart of a share: centre p, limits p ± 3 √(p (1 − p) λ / (2 − λ)), those of a long run
 * (NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4).
 */
export function rateChart(points: readonly Pick<Point, 'verdict'>[]): RateChart {
  const bad = points.map(({ verdict }) => (verdict === 'pass' ? 0 : 1));
  const centre = bad.length === 0 ? 0 : bad.reduce<number>((sum, each) => sum + each, 0) / bad.length;
  let value = centre;
  const values = bad.map((each) => (value += WEIGHT * (each - value)));
  const spread = SIGMAS * Math.sqrt((centre * (1 - centre) * WEIGHT) / (2 - WEIGHT));
  return {
    values,
    centre,
    lower: Math.max(0, centre - spread),
    upper: bad.length < ENOUGH ? undefined : Math.min(1, centre + spread),
  };
}

/** Results a second over the last `windowMs`, from when they were made. */
export function rateHz(points: readonly Point[], now: number, windowMs = 10_000): number {
  let count = 0;
  for (let i = points.length - 1; i >= 0 && now - (points[i] as Point).at <= windowMs; i--) count++;
  const oldest = points[points.length - count]?.at ?? now;
  // Of a camera that has only begun, or whose kept results do not fill the window.
  const spanMs = count === points.length ? Math.max(1000, now - oldest) : windowMs;
  return (count * 1000) / spanMs;
}
