import { betaBinomial, centralCounts, sumOf } from './counts.js';
import type { Interval } from './interval.js';

/** One point of a calibration plot. */
export interface CurvePoint {
  /** False-reject rate that one could have wanted. */
  readonly alpha: number;
  /** Share of fresh good products that would have been rejected then. */
  readonly measured: number;
  /** 95 % of right calibrations lie within, at this alpha alone: a whole curve leaves its band more often. */
  readonly band: Interval;
}

/** Fresh good products of one class, beside the number of images it was calibrated on. */
export interface PValues {
  readonly calibrationImages: number;
  /** Split-conformal p-values, in (0, 1]. */
  readonly pValues: readonly number[];
}

/** At most so many points: a curve for the eye, and a JSON file that stays small. */
const POINTS = 40;

/**
 * The share of fresh good products with a p-value of at most alpha, which a right calibration keeps at alpha or a little below, with the
 * band for so many calibration and fresh images. Empty without fresh images.
 */
export function calibrationCurve(classes: readonly PValues[]): CurvePoint[] {
  const tried = classes.filter(({ pValues }) => pValues.length > 0);
  const fresh = tried.reduce((sum, { pValues }) => sum + pValues.length, 0);
  if (fresh === 0) return [];
  return alphas(Math.max(...tried.map(({ calibrationImages }) => calibrationImages))).map((alpha) => {
    const rejected = tried.reduce((sum, { pValues }) => sum + pValues.filter((p) => p <= alpha + EPSILON).length, 0);
    const [low, high] = centralCounts(
      sumOf(
        tried.map(({ calibrationImages, pValues }) => {
          const alphaCount = Math.floor((alpha + EPSILON) * (calibrationImages + 1));
          // With fewer images than alpha needs, no p-value can be that small.
          if (alphaCount === 0) return { first: 0, masses: [1] };
          return betaBinomial(pValues.length, alphaCount, calibrationImages + 1 - alphaCount);
        }),
      ),
    );
    return { alpha, measured: rejected / fresh, band: [low / fresh, high / fresh] };
  });
}

/** Ratios of whole numbers that ought to be equal differ by less. */
const EPSILON = 1e-9;

/** Multiples of 1/(n+1), at which p-values of n calibration images lie; fewer of them for a large n. */
function alphas(n: number): number[] {
  const count = Math.min(n, POINTS);
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * (n + 1)) / (count + 1)) / (n + 1));
}
