import { describe, expect, it } from 'vitest';
import { randomOf } from '../../../data/random.js';
import { tsne } from './tsne.js';

/** `count` points each around three corners of [0,1]^8. */
function groups(count: number): Float32Array[] {
  const random = randomOf(3);
  return Array.from({ length: 3 * count }, (_, i) =>
    Float32Array.from({ length: 8 }, (_, d) => (d === i % 3 ? 1 : 0) + random() * 0.2),
  );
}

describe('t-SNE', () => {
  it('keeps neighbours together, and is the same each time', () => {
    const points = groups(12);
    const places = tsne(points);
    for (const [i, [x, y]] of places.entries()) {
      const distances = places.map(([px, py], j) =>
        i === j ? Number.POSITIVE_INFINITY : (px - x) ** 2 + (py - y) ** 2,
      );
      expect(distances.indexOf(Math.min(...distances)) % 3).toBe(i % 3);
    }
    expect(tsne(points)).toEqual(places);
  });

  it.each([
    ['four points', groups(2).slice(0, 4)],
    ['points that are all the same', Array.from({ length: 9 }, () => Float32Array.of(1, 0))],
  ])('places %s', (_, points) => {
    const places = tsne(points);
    expect(places).toHaveLength(points.length);
    expect(places.flat().every(Number.isFinite)).toBe(true);
  });
});
