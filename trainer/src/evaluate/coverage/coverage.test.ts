import { type BundleClass, conformalThreshold } from '@beltsight/sdk/bundle';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, randomOf } from '../../data/random.js';
import { coverageOf } from './coverage.js';
import type { SeenClass } from './seen.js';
import { coverageWarnings } from './warnings.js';

/** A class calibrated on `n` scores that `draw` gives. */
function calibrated(name: string, n: number, wanted: number, draw: () => number): BundleClass {
  const calibration = Array.from({ length: n }, draw).sort((a, b) => a - b);
  const { threshold, attained } = conformalThreshold(calibration, wanted);
  return { name, centroid: [1], maxDistance: 1, threshold, falseRejectRate: { wanted, attained }, calibration };
}

const seen = (name: string, m: number, draw: () => number, defect?: string): SeenClass => ({
  name,
  images: Array.from({ length: m }, () => ({
    score: draw(),
    embedding: [1],
    ...(defect === undefined ? {} : { defect }),
  })),
});

/** Heavy-tailed, as scores are: the promise must not depend on their distribution. */
const score = (random: Random) => () => (-Math.log(random())) ** 3;

describe('coverage of fresh good products', () => {
  it('promises what the rank of the threshold gives, and expects counts for so many images', () => {
    const random = randomOf(1);
    const known = calibrated('nut', 19, 0.05, score(random));
    const { nut } = coverageOf([seen('nut', 60, score(random))], [known]).classes;
    expect(nut).toMatchObject({ wanted: 0.05, calibrationImages: 19, freshImages: 60 });
    expect(nut?.promised).toBeCloseTo(0.05, 12);
    // Beta(1, 19) has the quantile function 1 - (1-p)^(1/19).
    expect(nut?.rateInterval[0]).toBeCloseTo(1 - 0.975 ** (1 / 19), 9);
    expect(nut?.rateInterval[1]).toBeCloseTo(1 - 0.025 ** (1 / 19), 9);
    expect(nut?.curve).toHaveLength(19);
  });

  it('says what too few calibration images promise instead of what was wanted', () => {
    const random = randomOf(2);
    const known = calibrated('nut', 4, 0.01, score(random));
    expect(coverageOf([seen('nut', 10, score(random))], [known]).classes.nut?.promised).toBeCloseTo(0.2, 12);
  });

  it.each([
    [[5], 0.05, 40],
    [[20], 0.05, 60],
    [[50], 0.1, 30],
    [[20, 45, 8], 0.1, 25],
  ] as const)('holds for exchangeable scores: calibrated on %j, wanted %d, %i fresh', (sizes, wanted, m) => {
    const runs = 300;
    const measured: number[] = [];
    let [within, promised] = [0, 0];
    const inBand = new Array<number>(40).fill(0);
    for (let seed = 0; seed < runs; seed++) {
      const draw = score(randomOf(seed, m, sizes.length));
      const classes = sizes.map((n, i) => calibrated(`c${i}`, n, wanted, draw));
      const { all } = coverageOf(
        classes.map(({ name }) => seen(name, m, draw)),
        classes,
      );
      if (all?.verdict === 'as expected') within++;
      measured.push(all?.measured ?? Number.NaN);
      promised = all?.promised ?? Number.NaN;
      for (const [i, { measured: share, band }] of (all?.curve ?? []).entries()) {
        if (share >= band[0] - 1e-9 && share <= band[1] + 1e-9) inBand[i] = (inBand[i] as number) + 1;
      }
    }
    // Counts are whole, so that intervals cover rather more than 95 %; three standard errors below.
    const least = 0.95 - 3 * Math.sqrt((0.95 * 0.05) / runs);
    expect(within / runs).toBeGreaterThan(least);
    expect(within / runs).toBeLessThan(1);
    const mean = measured.reduce((sum, share) => sum + share, 0) / runs;
    const deviation = Math.sqrt(measured.reduce((sum, share) => sum + (share - mean) ** 2, 0) / runs);
    expect(Math.abs(mean - promised)).toBeLessThan((3 * deviation) / Math.sqrt(runs));
    for (const count of inBand.slice(0, Math.min(40, Math.max(...sizes)))) expect(count / runs).toBeGreaterThan(least);
  });

  it('tells when fresh products score higher or lower than those it was calibrated on', () => {
    const draw = score(randomOf(3));
    const known = calibrated('nut', 99, 0.1, draw);
    const shifted = coverageOf([seen('nut', 100, () => draw() * 3)], [known]);
    expect(shifted.classes.nut?.verdict).toBe('more than expected');
    expect(shifted.classes.nut?.chanceOfMore).toBeLessThan(0.025);
    expect(coverageWarnings(shifted).join()).toMatch(
      /of 100 good test images of class nut are rejected, where at most/,
    );
    const paler = coverageOf([seen('nut', 100, () => draw() / 20)], [known]);
    expect(paler.classes.nut?.verdict).toBe('fewer than expected');
    expect(coverageWarnings(paler)).toEqual([]);
  });

  it('counts good products of known classes alone', () => {
    const draw = score(randomOf(4));
    const known = calibrated('nut', 20, 0.1, draw);
    const report = coverageOf([seen('nut', 5, draw, 'scratch'), seen('gear', 5, draw)], [known]);
    expect(Object.keys(report.classes)).toEqual(['nut']);
    expect(report.classes.nut).toMatchObject({ freshImages: 0, measured: null, verdict: null, curve: [] });
    expect(report.all).toMatchObject({ freshImages: 0, wanted: 0.1 });
    expect(coverageOf([seen('gear', 5, draw)], [known])).toEqual({ classes: {}, all: null });
  });

  it('never lets a score pass that is no number', () => {
    const known = calibrated('nut', 20, 0.1, score(randomOf(5)));
    expect(coverageOf([seen('nut', 3, () => Number.NaN)], [known]).classes.nut?.rejected).toBe(3);
  });

  it('agrees with its curve at the wanted rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 30 }), fc.integer(), (n, m, seed) => {
        const draw = score(randomOf(seed, n, m));
        // A rate at which p-values lie, so that the curve has a point there.
        const wanted = Math.ceil(n / 3) / (n + 1);
        const { all } = coverageOf([seen('nut', m, draw)], [calibrated('nut', n, wanted, draw)]);
        const point = all?.curve.find(({ alpha }) => Math.abs(alpha - wanted) < 1e-9);
        expect(point?.measured).toBe(all?.measured);
        expect(point?.band).toEqual(all?.expectedCounts.map((count) => count / m));
      }),
    );
  });
});
