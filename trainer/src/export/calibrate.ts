import { type BundleClass, conformalThreshold, cosineDistance } from '@beltsight/sdk/bundle';

/** What the model said of one held-out good image. */
export interface CalibrationSample {
  readonly score: number;
  /** [D] */
  readonly embedding: ArrayLike<number>;
}

/** Products vary more in production than in a data set: an unknown one is this much farther out than any held-out image. */
const DISTANCE_MARGIN = 2;
/** No class is narrower than this, however alike its held-out images are: room for half-precision arithmetic on a device. */
const MIN_DISTANCE = 1e-4;
/** With fewer held-out images nobody knows how much a class varies. */
const FEWEST = 3;

/**
 * Threshold, centroid and reach of each class from held-out good images.
 *
 * Threshold: split conformal; `attained` says what the scores can promise where there are too few for the wanted rate.
 *
 * Reach: twice the largest distance of a held-out embedding to the centroid of the others, which is how a fresh product lies to the
 * centroid: by its rank alone at most one in n+1 good products lies beyond even the single distance. But not beyond halfway to the
 * nearest other centroid where that is farther out than any held-out image; and there with fewer than three images.
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
  return unit(sumOf(samples.map(({ embedding }) => unit(embedding))));
}

function reach(
  samples: readonly CalibrationSample[],
  centroid: readonly number[],
  others: readonly number[][],
): number {
  const halfway = Math.min(2, ...others.map((other) => cosineDistance(centroid, other) / 2));
  if (samples.length < FEWEST) return Math.max(halfway, MIN_DISTANCE);
  const units = samples.map(({ embedding }) => unit(embedding));
  const sum = sumOf(units);
  const widest = Math.max(
    ...units.map((own) =>
      cosineDistance(
        own,
        sum.map((value, i) => value - (own[i] as number)),
      ),
    ),
  );
  return Math.min(2, Math.max(widest, Math.min(widest * DISTANCE_MARGIN, halfway), MIN_DISTANCE));
}

function unit(values: ArrayLike<number>): number[] {
  const list = Array.from(values);
  const length = Math.hypot(...list) || 1;
  return list.map((value) => value / length);
}

function sumOf(vectors: readonly (readonly number[])[]): number[] {
  return vectors.reduce<number[]>((sum, vector) => vector.map((value, i) => value + (sum[i] ?? 0)), []);
}
