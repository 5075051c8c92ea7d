import { type BundleClass, cosineDistance } from '@beltsight/sdk/bundle';

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
 * Threshold: split conformal. The ceil((n+1)(1-a))-th smallest of n calibration scores is exceeded by a new good product with
 * probability at most a. Where n is too small for a (that rank is n+1), nothing above the largest score can be promised: it is
 * taken itself, nudged up, which promises 1 / (n+1); `attained` says so.
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

/** Split-conformal threshold of ascending `scores`; frames at or above it are rejected. */
export function conformalThreshold(scores: readonly number[], rate: number): { threshold: number; attained: number } {
  const n = scores.length;
  // The small term keeps a product such as 20 * 0.95 from being rounded up past itself.
  const rank = Math.ceil((n + 1) * (1 - rate) - 1e-9);
  const score = scores[Math.min(rank, n) - 1] as number;
  // A good product may score exactly this and must pass: the comparison at run time is >=.
  const threshold = score + Math.max(Math.abs(score) * 1e-6, Number.MIN_VALUE);
  return { threshold, attained: rank <= n ? rate : 1 / (n + 1) };
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
