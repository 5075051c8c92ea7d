import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atLeast, betaBinomial, type CountDistribution, centralCounts, sumOf } from './counts.js';
import { clopperPearson } from './interval.js';

const choose = (n: number, k: number): bigint => {
  let result = 1n;
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i);
  return result;
};

/** The negative hypergeometric distribution, which the beta-binomial is for whole numbers: exact but for the last division. */
const exact = (trials: number, alpha: number, beta: number, k: number) =>
  Number(
    (choose(k + alpha - 1, k) * choose(trials - k + beta - 1, trials - k) * 10n ** 18n) /
      choose(trials + alpha + beta - 1, trials),
  ) / 1e18;

const massOf = ({ first, masses }: CountDistribution, count: number) => masses[count - first] ?? 0;
const mean = ({ first, masses }: CountDistribution) => masses.reduce((sum, mass, i) => sum + mass * (first + i), 0);
const shape = fc.integer({ min: 1, max: 40 });
const trials = fc.integer({ min: 0, max: 50 });

describe('distributions of counts', () => {
  it('are beta-binomial', () => {
    fc.assert(
      fc.property(trials, shape, shape, (m, alpha, beta) => {
        const counts = betaBinomial(m, alpha, beta);
        for (let k = 0; k <= m; k++) expect(massOf(counts, k)).toBeCloseTo(exact(m, alpha, beta, k), 12);
      }),
    );
  });

  it('stay right for many images', () => {
    const counts = betaBinomial(20_000, 51, 950);
    expect(mean(counts) / ((20_000 * 51) / 1001)).toBeCloseTo(1, 12);
    expect(atLeast(counts, 0)).toBeCloseTo(1, 12);
  });

  it('add up', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), shape, shape), { maxLength: 3 }), (parts) => {
        const counts = parts.map(([m, alpha, beta]) => betaBinomial(m, alpha, beta));
        const total = sumOf(counts);
        expect(mean(total)).toBeCloseTo(
          counts.reduce((sum, each) => sum + mean(each), 0),
          9,
        );
        // By brute force over all combinations.
        const masses = new Map<number, number>([[0, 1]]);
        for (const { first, masses: next } of counts) {
          for (const [count, mass] of [...masses]) {
            masses.delete(count);
            for (const [i, p] of next.entries()) {
              const key = -1 - (count + first + i);
              masses.set(key, (masses.get(key) ?? 0) + mass * p);
            }
          }
          for (const [key, mass] of [...masses]) {
            masses.delete(key);
            masses.set(-1 - key, mass);
          }
        }
        for (const [count, mass] of masses) expect(massOf(total, count)).toBeCloseTo(mass, 12);
      }),
    );
  });

  it('have at most 2.5 % on either side of their central range, and more with one count less', () => {
    fc.assert(
      fc.property(trials, shape, shape, (m, alpha, beta) => {
        const counts = betaBinomial(m, alpha, beta);
        const [low, high] = centralCounts(counts);
        const below = (count: number) => 1 - atLeast(counts, count);
        expect(below(low)).toBeLessThanOrEqual(0.025 + 1e-12);
        expect(below(low + 1)).toBeGreaterThan(0.025 - 1e-12);
        expect(atLeast(counts, high + 1)).toBeLessThanOrEqual(0.025 + 1e-12);
        expect(atLeast(counts, high)).toBeGreaterThan(0.025 - 1e-12);
      }),
    );
  });
});

describe('the interval for a rate', () => {
  /** Probability of `hits` or more of a binomial distribution. */
  const tail = (n: number, p: number, hits: number) => {
    let sum = 0;
    for (let k = hits; k <= n; k++) sum += Number(choose(n, k)) * p ** k * (1 - p) ** (n - k);
    return sum;
  };

  it('is as Clopper and Pearson define it', () => {
    // R: binom.test(5, 20)$conf.int
    expect(clopperPearson(5, 20)[0]).toBeCloseTo(0.08657147, 8);
    expect(clopperPearson(5, 20)[1]).toBeCloseTo(0.49104587, 8);
    expect(clopperPearson(0, 0)).toEqual([0, 1]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 50 }), (n, drawn) => {
        const hits = drawn % (n + 1);
        const [low, high] = clopperPearson(hits, n);
        if (hits > 0) expect(tail(n, low, hits)).toBeCloseTo(0.025, 7);
        else expect(low).toBe(0);
        if (hits < n) expect(1 - tail(n, high, hits + 1)).toBeCloseTo(0.025, 7);
        else expect(high).toBe(1);
      }),
    );
  });
});
