import { BeltsightError } from '@beltsight/sdk';
import { type Random, randomOf } from '../data/random.js';

export interface Clusters {
  /** Index of each point's cluster, 0..k-1. */
  readonly assignments: Int32Array;
  /** Mean of each cluster's points, k of [D]. */
  readonly centroids: readonly Float64Array[];
  /** Sum of the squared distances of all points to their centroids. */
  readonly inertia: number;
}

/** Lloyd's algorithm finds the optimum near its start only: the best of so many starts is taken. */
const STARTS = 4;
/** Within one start. It nearly always ends much earlier: */
const MAX_ITERATIONS = 300;
/** once the inertia falls by less than this share, which no picture and no metric shows. */
const TOLERANCE = 1e-5;

/**
 * k-means by squared Euclidean distance: Lloyd's algorithm from greedy k-means++ starts (Arthur and Vassilvitskii 2007). The same points
 * and seed give the same clusters.
 *
 * @param points n of [D]
 * @param k number of clusters, 1..n. A cluster stays empty only where there are fewer than k different points.
 * @throws BeltsightError ARGUMENT_INVALID if k is out of range, or a point is no number or of another length
 */
export function kmeans(points: readonly Float32Array[], k: number, seed: number): Clusters {
  requireClusterable(points, k);
  let best: Clusters | undefined;
  for (let start = 0; start < STARTS; start++) {
    const found = lloyd(points, spread(points, k, randomOf(seed, start)));
    if (best === undefined || found.inertia < best.inertia) best = found;
  }
  return best as Clusters;
}

function requireClusterable(points: readonly Float32Array[], k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > points.length) {
    throw new BeltsightError('ARGUMENT_INVALID', `${points.length} point(s) cannot form ${k} clusters.`);
  }
  const size = points[0]?.length ?? 0;
  for (const [i, point] of points.entries()) {
    if (point.length === size && point.every(Number.isFinite)) continue;
    const what = point.length === size ? 'is no number somewhere' : `has ${point.length} values, the first ${size}`;
    throw new BeltsightError('ARGUMENT_INVALID', `Point ${i} cannot be clustered: it ${what}.`);
  }
}

/**
 * Greedy k-means++: of a few points, drawn by their squared distance to the nearest centroid so far, the one that leaves the least of these
 * distances becomes the next centroid.
 */
function spread(points: readonly Float32Array[], k: number, random: Random): Float64Array[] {
  const trials = 2 + Math.floor(Math.log(k));
  const first = Float64Array.from(points[Math.floor(random() * points.length)] as Float32Array);
  const centroids = [first];
  let nearest = Float64Array.from(points, (point) => squaredDistance(point, first));
  while (centroids.length < k) {
    const candidates = Array.from({ length: trials }, () => {
      const centroid = Float64Array.from(points[drawn(nearest, random)] as Float32Array);
      const left = nearest.map((distance, i) =>
        Math.min(distance, squaredDistance(points[i] as Float32Array, centroid)),
      );
      return { centroid, left, total: total(left) };
    });
    const best = candidates.reduce((least, candidate) => (candidate.total < least.total ? candidate : least));
    centroids.push(best.centroid);
    nearest = best.left;
  }
  return centroids;
}

/** An index, drawn by its weight; 0 where all weights are: then every point lies on a centroid, and any will do. */
function drawn(weights: Float64Array, random: Random): number {
  let rest = random() * total(weights);
  const index = weights.findIndex((weight) => {
    rest -= weight;
    return rest < 0;
  });
  return Math.max(0, index);
}

const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);

function lloyd(points: readonly Float32Array[], start: readonly Float64Array[]): Clusters {
  let centroids = start;
  const assignments = new Int32Array(points.length);
  const distances = new Float64Array(points.length);
  let inertia = assign(points, centroids, assignments, distances);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    fillEmpty(centroids.length, assignments, distances);
    centroids = means(points, assignments, centroids);
    const before = inertia;
    inertia = assign(points, centroids, assignments, distances);
    if (before - inertia <= before * TOLERANCE) break;
  }
  return { assignments, centroids, inertia };
}

/** Writes the nearest centroid of each point and its squared distance. @returns the sum of these */
function assign(
  points: readonly Float32Array[],
  centroids: readonly Float64Array[],
  assignments: Int32Array,
  distances: Float64Array,
): number {
  let inertia = 0;
  for (const [i, point] of points.entries()) {
    let [cluster, least] = [0, Number.POSITIVE_INFINITY];
    for (let c = 0; c < centroids.length; c++) {
      const distance = squaredDistance(point, centroids[c] as Float64Array);
      if (distance < least) [cluster, least] = [c, distance];
    }
    assignments[i] = cluster;
    distances[i] = least;
    inertia += least;
  }
  return inertia;
}

/** Gives every empty cluster the point that is farthest from its centroid. */
function fillEmpty(k: number, assignments: Int32Array, distances: Float64Array): void {
  const counts = new Int32Array(k);
  for (const cluster of assignments) counts[cluster] = (counts[cluster] as number) + 1;
  for (let empty = counts.indexOf(0); empty >= 0; empty = counts.indexOf(0, empty + 1)) {
    const farthest = distances.indexOf(distances.reduce((most, distance) => Math.max(most, distance)));
    if (distances[farthest] === 0) return;
    assignments[farthest] = empty;
    distances[farthest] = 0;
  }
}

/** Mean of each cluster's points; an empty cluster's centroid stays. */
function means(
  points: readonly Float32Array[],
  assignments: Int32Array,
  before: readonly Float64Array[],
): Float64Array[] {
  const counts = new Int32Array(before.length);
  const sums = before.map((centroid) => new Float64Array(centroid.length));
  for (const [i, point] of points.entries()) {
    const cluster = assignments[i] as number;
    counts[cluster] = (counts[cluster] as number) + 1;
    const sum = sums[cluster] as Float64Array;
    for (let d = 0; d < point.length; d++) sum[d] = (sum[d] as number) + (point[d] as number);
  }
  return sums.map((sum, c) =>
    counts[c] === 0 ? (before[c] as Float64Array) : sum.map((x) => x / (counts[c] as number)),
  );
}

function squaredDistance(a: Float32Array, b: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) {
    const difference = (a[d] as number) - (b[d] as number);
    sum += difference * difference;
  }
  return sum;
}
