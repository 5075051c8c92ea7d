import type { BundleClass } from '@beltsight/sdk/bundle';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recognitionOf } from './recognition.js';
import type { SeenClass } from './seen.js';
import { tradeOff } from './trade-off.js';
import { unknownOf } from './unknown.js';

const known = (name: string, degrees: number): BundleClass => ({
  name,
  centroid: [...at(degrees)],
  // Cosine distance of 10 degrees.
  maxDistance: 1 - Math.cos(Math.PI / 18),
  threshold: 1,
  falseRejectRate: { wanted: 0.1, attained: 0.1 },
  calibration: [0.5],
});
const at = (degrees: number) => [Math.cos((degrees / 180) * Math.PI), Math.sin((degrees / 180) * Math.PI)] as const;
const seen = (name: string, degrees: readonly number[], defect?: string): SeenClass => ({
  name,
  images: degrees.map((angle) => ({
    score: 0,
    embedding: at(angle),
    ...(defect === undefined ? {} : { defect }),
  })),
});

const classes = [known('nut', 0), known('bolt', 15), known('gear', 90)];

describe('recognition', () => {
  it('counts what was recognised right, wrong, and not at all', () => {
    const { classes: found, right } = recognitionOf(
      [seen('nut', [0, 5, 8, 9, 200]), seen('gear', [90]), seen('washer', [0])],
      classes,
    );
    expect(found.nut).toMatchObject({
      right: { count: 2, of: 5, rate: 0.4 },
      wrong: { count: 2 },
      unknown: { count: 1 },
      takenFor: { bolt: 2 },
    });
    expect(Object.keys(found)).toEqual(['nut', 'gear']);
    expect(right).toMatchObject({ count: 3, of: 6 });
  });
});

describe('unknown products', () => {
  it('are measured by leaving each class out, with good products alone', () => {
    const report = unknownOf([seen('nut', [0, 5]), seen('gear', [85, 101]), seen('bolt', [40], 'bent')], classes);
    expect(report.wronglyUnknown).toMatchObject({ count: 1, of: 4 });
    expect(report.foreign).toBeNull();
    const { products, rejected } = report.leaveOneOut as NonNullable<typeof report.leaveOneOut>;
    // Without its own class, the nut at 5 degrees is within reach of the bolt.
    expect(products.nut).toMatchObject({
      rejected: { count: 1, of: 2 },
      passed: { count: 1, of: 2 },
      takenFor: { bolt: 1 },
    });
    expect(products.gear).toMatchObject({ rejected: { count: 2, of: 2 }, takenFor: {} });
    expect(products.bolt?.rejected.rate).toBeNull();
    expect(rejected).toMatchObject({ count: 3, of: 4 });
  });

  it('are those of classes that the bundle does not know', () => {
    const report = unknownOf([seen('nut', [0]), seen('washer', [12, 45, 300])], classes);
    expect(report.foreign?.products.washer).toMatchObject({ rejected: { count: 2, of: 3 }, takenFor: { bolt: 1 } });
    expect(report.wronglyUnknown).toMatchObject({ count: 0, of: 1 });
  });

  it('have not passed where the score rejects them as the class that they were taken for', () => {
    const washer = { name: 'washer', images: [0.5, 2].map((score) => ({ score, embedding: at(0) })) };
    const { foreign } = unknownOf([seen('nut', [0]), washer], classes);
    expect(foreign).toMatchObject({ rejected: { count: 0, of: 2 }, passed: { count: 1, of: 2 } });
  });

  it('cannot be measured by leaving out the only class', () => {
    expect(unknownOf([seen('nut', [0])], [known('nut', 0)]).leaveOneOut).toBeNull();
  });

  it('trade against known ones: a wider limit rejects fewer of both', () => {
    const reach = fc.array(
      fc.integer({ min: 0, max: 40 }).map((value) => value / 10),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(reach, reach, (familiar, foreign) => {
        const { factors, roc, auroc } = tradeOff(familiar, foreign);
        for (const [i, point] of factors.entries()) {
          expect(point.rejected).toBe(foreign.filter((value) => value > point.factor).length / foreign.length);
          expect(point.wronglyUnknown).toBeLessThanOrEqual(factors[i - 1]?.wronglyUnknown ?? 1);
        }
        expect(roc[0]).toEqual({ rejected: 0, wronglyUnknown: 0 });
        expect(roc.at(-1)).toEqual({ rejected: 1, wronglyUnknown: 1 });
        let area = 0;
        for (const [i, point] of roc.slice(1).entries()) {
          const last = roc[i] as typeof point;
          area += ((point.wronglyUnknown - last.wronglyUnknown) * (point.rejected + last.rejected)) / 2;
        }
        expect(auroc).toBeCloseTo(area, 9);
      }),
    );
    expect(tradeOff([], [2])).toMatchObject({ auroc: null });
  });
});
