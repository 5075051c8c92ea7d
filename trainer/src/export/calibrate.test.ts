import { type BundleClass, cosineDistance } from '@beltsight/sdk/bundle';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../data/random.js';
import { calibrate } from './calibrate.js';

describe('calibrate', () => {
  const random = randomOf(3);
  const around = (direction: number[], spread: number) =>
    Array.from({ length: 30 }, () => ({
      score: random(),
      embedding: direction.map((v) => v + (random() - 0.5) * spread),
    }));

  const unit = (values: number[]) => values.map((value) => value / Math.hypot(...values));

  it('keeps held-out products within reach of their class and other classes out of it', () => {
    const samples = new Map([
      ['a', around([1, 0, 0], 0.1)],
      ['b', around([0, 1, 0], 0.1)],
    ]);
    const [a, b] = calibrate(samples, 0.05);
    expect(a?.centroid.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1);
    for (const { embedding } of samples.get('a') ?? []) {
      expect(cosineDistance(embedding, a?.centroid ?? [])).toBeLessThan(a?.maxDistance as number);
    }
    // Half the distance between orthogonal classes is 0.5.
    expect(a?.maxDistance).toBeLessThan(0.5);
    expect(b?.calibration).toHaveLength(30);
  });

  it('reaches twice as far as the farthest image lies from the centroid of the others', () => {
    const embeddings = [
      [1, 0],
      [1, 0],
      [1, 0],
      [Math.cos(0.3), Math.sin(0.3)],
    ];
    const [only] = calibrate(new Map([['a', embeddings.map((embedding) => ({ score: 0, embedding }))]]), 0.1);
    expect(only?.maxDistance).toBeCloseTo(2 * (1 - Math.cos(0.3)), 12);
  });

  it('does not reach past halfway to another class but for its own images, and leaves room for rounding', () => {
    const of = (name: string, embeddings: number[][]) =>
      [name, embeddings.map((embedding) => ({ score: 0, embedding }))] as const;
    const at = (angle: number) => [Math.cos(angle), Math.sin(angle)];
    const [loose, same, alone, pair] = calibrate(
      new Map([
        of('loose', [at(0), at(0.1), at(-0.1)]),
        of('same', [at(0.14), at(0.14), at(0.14)]),
        of('alone', [at(2)]),
        of('pair', [at(3), at(3.1)]),
      ]),
      0.1,
    );
    // The image at -0.1 lies 0.15 from the middle of the two others, and halfway to the next class is nearer than that.
    expect(loose?.maxDistance).toBeCloseTo(1 - Math.cos(0.15), 12);
    expect(same?.maxDistance).toBe(1e-4);
    expect(alone?.maxDistance).toBeCloseTo((1 - Math.cos(1.05)) / 2, 12);
    expect(pair?.maxDistance).toBeCloseTo((1 - Math.cos(1.05)) / 2, 12);
  });

  it('calls at most one in n+1 good products unknown, on average over calibrations', () => {
    const trials = 400;
    const n = 9;
    let beyondWidest = 0;
    let unknown = 0;
    for (let trial = 0; trial < trials; trial++) {
      const drawn = around([1, 0, 0, 0], 0.5).slice(0, n + 1);
      const fresh = drawn.pop() as (typeof drawn)[number];
      const [{ centroid, maxDistance }] = calibrate(new Map([['a', drawn]]), 0.1) as [BundleClass];
      const distance = cosineDistance(fresh.embedding, unit(centroid));
      if (distance > maxDistance) unknown++;
      if (distance > maxDistance / 2) beyondWidest++;
    }
    expect(beyondWidest / trials).toBeGreaterThan(0.05);
    expect(beyondWidest / trials).toBeLessThan(1 / (n + 1) + 3 * Math.sqrt((0.1 * 0.9) / trials));
    expect(unknown).toBeLessThan(beyondWidest / 4);
  });
});
