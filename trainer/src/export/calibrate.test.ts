import type { BundleClass } from '@beltsight/sdk/bundle';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../data/random.js';
import { calibrate } from './calibrate.js';
import { without } from './reach.js';

describe('calibrate', () => {
  const random = randomOf(3);
  const around = (direction: number[], spread: number) =>
    Array.from({ length: 30 }, () => ({
      score: random(),
      embedding: direction.map((v) => v + (random() - 0.5) * spread),
    }));

  it('keeps held-out products within reach of their class and other classes out of it', () => {
    const samples = new Map([
      ['a', around([1, 0, 0], 0.1)],
      ['b', around([0, 1, 0], 0.1)],
    ]);
    const [a, b] = calibrate(samples, 0.05);
    expect(a?.centroid.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1);
    expect(a?.maxDistance).toBeGreaterThan(0.001);
    // Half the distance between orthogonal classes is 0.5.
    expect(a?.maxDistance).toBeLessThan(0.5);
    expect(b?.calibration).toHaveLength(30);
  });

  it('comes to the same without a class as if it had never been there', () => {
    const samples = new Map([
      ['narrow', around([1, 0.2, 0], 0.1)],
      ['wide', around([1, 0.9, 0], 0.8)],
      ['far', around([0, 0, 1], 0.1)],
    ]);
    const all = calibrate(samples, 0.05);
    for (const name of samples.keys()) {
      const others = new Map([...samples].filter(([other]) => other !== name));
      expect(without(name, all)).toEqual(calibrate(others, 0.05));
    }
    const wide = (classes: readonly BundleClass[]) => classes.find((each) => each.name === 'wide')?.maxDistance;
    expect(wide(without('narrow', all))).toBeGreaterThan(wide(all) as number);
  });
});
