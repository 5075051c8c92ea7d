import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conformalThreshold, smallestRate } from './threshold.js';

describe('conformal thresholds', () => {
  it('are the ceil((n+1)(1-a))-th smallest score, just above it', () => {
    const scores = Array.from({ length: 19 }, (_, i) => i + 1);
    expect(conformalThreshold(scores, 0.05).threshold).toBeCloseTo(19, 3);
    expect(conformalThreshold(scores, 0.05).attained).toBe(0.05);
    expect(conformalThreshold(scores, 0.5).threshold).toBeCloseTo(10, 3);
    expect(conformalThreshold(scores, 0.5).threshold).toBeGreaterThan(10);
  });

  it('say what they can promise where there are too few scores', () => {
    expect(conformalThreshold([1, 2, 3], 0.05)).toMatchObject({ attained: 0.25 });
    expect(conformalThreshold([1, 2, 3], 0.05).threshold).toBeCloseTo(3, 3);
  });

  it('reject at most the promised share of new good products, on average over calibrations', () => {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    for (const [n, rate] of [
      [19, 0.05],
      [50, 0.1],
      [200, 0.02],
      [5, 0.05],
    ] as const) {
      let rejected = 0;
      const trials = 4000;
      let attained = 0;
      for (let trial = 0; trial < trials; trial++) {
        const scores = Array.from({ length: n }, random).sort((a, b) => a - b);
        const result = conformalThreshold(scores, rate);
        attained = result.attained;
        if (random() >= result.threshold) rejected++;
      }
      expect(rejected / trials).toBeLessThanOrEqual(attained + 0.012);
    }
  });

  it('never reject one of their own calibration scores at the last rank', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), { minLength: 1 }),
        (scores) => {
          const sorted = [...scores].sort((a, b) => a - b);
          expect(conformalThreshold(sorted, 1e-6).threshold).toBeGreaterThan(sorted.at(-1) as number);
        },
      ),
    );
  });

  it('promise the smallest rate and no smaller one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (n) => {
        const scores = Array.from({ length: n }, (_, i) => i);
        const smallest = smallestRate(scores);
        expect(conformalThreshold(scores, smallest).attained).toBe(smallest);
        expect(conformalThreshold(scores, smallest * 0.99).attained).toBeGreaterThan(smallest * 0.99);
      }),
    );
  });
});
