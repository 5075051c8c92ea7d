import { type BundleClass, conformalThreshold, cosineDistance } from '@beltsight/sdk/bundle';
import { reach } from './reach.js';

/** What the model said of one held-out good image. */
export interface CalibrationSample {
  readonly score: number;
  /** [D] */
  readonly embedding: ArrayLike<number>;
}

/**
 * Threshold, centroid and reach of each class from held-out good images.
 *
 * Threshold: split conformal; `attained` says what the scores can promise where there are too few for the wanted rate.
 */
export function calibrate(
  classes: ReadonlyMap<string, readonly CalibrationSample[]>,
  falseRejectRate: number,
): BundleClass[] {
  const centroids = new Map([...classes].map(([name, samples]) => [name, centroidOf(samples)] as const));
  return [...classes].map(([name, samples]) => {
    const centroid = centroids.get(name) as number[];
    const others = [...centroids].filter(([other]) => other !== name).map(([, other]) => other);
    const calibration = samples.map(({ score }) => score).sort((a, b) => a - b);
    const { threshold, attained } = conformalThreshold(calibration, falseRejectRate);
    // The distance of a vector to itself can be a last bit below 0.
    const heldOutDistance = Math.max(0, ...samples.map(({ embedding }) => cosineDistance(embedding, centroid)));
    return {
      name,
      centroid,
      maxDistance: reach(heldOutDistance, centroid, others),
      heldOutDistance,
      threshold,
      falseRejectRate: { wanted: falseRejectRate, attained },
      calibration,
    };
  });
}

/** Mean of the L2-normalised embeddings, L2-normalised. */
function centroidOf(samples: readonly CalibrationSample[]): number[] {
  const sum = new Array<number>(samples[0]?.embedding.length ?? 0).fill(0);
  for (const { embedding } of samples) {
    const length = norm(embedding);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (embedding[i] as number) / length;
  }
  const length = norm(sum);
  return sum.map((value) => value / length);
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum) || 1;
}
