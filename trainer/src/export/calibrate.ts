import { type BundleClass, conformalThreshold, cosineDistance } from '@beltsight/sdk/bundle';

/** What the model said of one held-out good image. */
export interface CalibrationSample {
  readonly score: number;
  /** [D] */
  readonly embedding: ArrayLike<number>;
}

/** Distances of held-out images vary more in production than in a data set: an unknown product is this much farther. */
const DISTANCE_MARGIN = 2;
/** No class is narrower than this, however alike its held-out images are: cosine distance of sensor noise and small shifts. */
const MIN_DISTANCE = 0.02;

/**
 * Threshold, centroid and reach of each class from held-out good images.
 *
 * Threshold: split conformal; `attained` says what the scores can promise where there are too few for the wanted rate.
 *
 * Reach: the largest distance of a held-out embedding to its centroid, doubled, but not beyond halfway to the nearest other
 * centroid where that is farther out than any held-out image.
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
    return {
      name,
      centroid,
      maxDistance: reach(samples, centroid, others),
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

function reach(
  samples: readonly CalibrationSample[],
  centroid: readonly number[],
  others: readonly number[][],
): number {
  const widest = Math.max(...samples.map(({ embedding }) => cosineDistance(embedding, centroid)));
  const wanted = Math.max(widest * DISTANCE_MARGIN, MIN_DISTANCE);
  const halfway = Math.min(...others.map((other) => cosineDistance(centroid, other) / 2));
  return Math.min(2, Math.max(widest * 1.1, Math.min(wanted, halfway), MIN_DISTANCE / 2));
}
