import { describe, expect, it } from 'vitest';
import { randomOf } from '../data/random.js';
import { kmeans } from './kmeans.js';

const point = (...values: number[]) => Float32Array.from(values);

/** `count` points around each centre, within a square of side `width`. */
function blobs(centres: readonly (readonly number[])[], count: number, width: number): Float32Array[] {
  const random = randomOf(5);
  return centres.flatMap((centre) =>
    Array.from({ length: count }, () => Float32Array.from(centre, (x) => x + (random() - 0.5) * width)),
  );
}

/** The least inertia of any partition of few points into two clusters, by trying all of them. */
function bestOfTwo(points: readonly Float32Array[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let mask = 1; mask < 2 ** (points.length - 1); mask++) {
    const groups = [0, 1].map((side) => points.filter((_, i) => ((mask >> i) & 1) === side));
    const sums = groups.map((group) => {
      const mean = [0, 1].map((d) => group.reduce((sum, p) => sum + (p[d] as number), 0) / group.length);
      return group.reduce((sum, p) => sum + mean.reduce((s, m, d) => s + ((p[d] as number) - m) ** 2, 0), 0);
    });
    best = Math.min(best, (sums[0] as number) + (sums[1] as number));
  }
  return best;
}

describe('k-means', () => {
  it('finds clusters that lie apart, with their means', () => {
    const centres = [
      [0, 0],
      [10, 0],
      [0, 10],
      [10, 10],
      [5, 5],
    ];
    const points = blobs(centres, 20, 2);
    const { assignments, centroids } = kmeans(points, 5, 1);
    for (const [i, cluster] of assignments.entries()) expect(cluster).toBe(assignments[i - (i % 20)]);
    expect(new Set(assignments).size).toBe(5);
    for (const [cluster, centroid] of centroids.entries()) {
      const own = points.filter((_, i) => assignments[i] === cluster);
      for (const d of [0, 1]) {
        expect(centroid[d]).toBeCloseTo(own.reduce((sum, p) => sum + (p[d] as number), 0) / own.length, 9);
      }
    }
  });

  it('reaches the best partition there is, and says its inertia', () => {
    for (let seed = 0; seed < 5; seed++) {
      const random = randomOf(77, seed);
      const points = Array.from({ length: 10 }, () => point(random(), random()));
      expect(kmeans(points, 2, seed).inertia).toBeCloseTo(bestOfTwo(points), 6);
    }
  });

  it('is the same for the same seed', () => {
    const points = blobs([[0, 0, 0]], 60, 1);
    expect(kmeans(points, 7, 3)).toEqual(kmeans(points, 7, 3));
  });

  it('leaves no cluster empty while there are enough different points', () => {
    const points = [...Array.from({ length: 30 }, () => point(0, 0)), point(1, 0), point(0, 1)];
    expect(new Set(kmeans(points, 3, 0).assignments).size).toBe(3);
    expect(new Set(kmeans(points, 5, 0).assignments).size).toBe(3);
    expect(kmeans(points.slice(0, 3), 3, 0)).toMatchObject({ inertia: 0 });
  });

  it('refuses what cannot be clustered', () => {
    expect(() => kmeans([point(1)], 2, 0)).toThrow('1 point(s) cannot form 2 clusters.');
    expect(() => kmeans([point(1)], 0, 0)).toThrow(/cannot form 0/);
    expect(() => kmeans([point(1), point(Number.NaN)], 1, 0)).toThrow('Point 1 cannot be clustered: it is no number');
    expect(() => kmeans([point(1), point(1, 2)], 1, 0)).toThrow('Point 1 cannot be clustered: it has 2 values');
  });
});
