import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conformalP, cosineDistance, decide } from './decide.js';

const classOf = (name: string, centroid: number[]) => ({
  name,
  centroid,
  maxDistance: 0.1,
  threshold: 0.5,
  falseRejectRate: { wanted: 0.1, attained: 0.1 },
  calibration: [0.1, 0.2, 0.3, 0.4],
});
const manifest = { classes: [classOf('nut', [1, 0]), classOf('bolt', [0, 1])] };

describe('decide', () => {
  it('recognises the nearest class and compares with its threshold', () => {
    expect(decide({ score: 0.25, embedding: [9, 0.5] }, manifest)).toMatchObject({
      verdict: 'pass',
      className: 'nut',
      pValue: 0.6,
    });
    expect(decide({ score: 0.5, embedding: [0.1, 3] }, manifest)).toMatchObject({
      verdict: 'reject',
      className: 'bolt',
      pValue: 0.2,
    });
  });

  it('calls a product unknown that is far from every class', () => {
    expect(decide({ score: 0, embedding: [1, 1] }, manifest)).toMatchObject({
      verdict: 'unknown',
      className: null,
      threshold: null,
    });
  });

  it('takes the word of a recipe, and refuses one the model does not know', () => {
    const output = { score: 0, embedding: [1, 1] };
    expect(decide(output, manifest, 'bolt')).toMatchObject({
      verdict: 'pass',
      className: 'bolt',
      classSource: 'recipe',
    });
    expect(() => decide(output, manifest, 'gear')).toThrow(/nut, bolt/);
  });

  it('never passes a score that is no number', () => {
    for (const score of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(decide({ score, embedding: [1, 0] }, manifest)).toMatchObject({ verdict: 'reject', pValue: 0.2 });
    }
  });

  it('knows no product by an embedding that is not all numbers, and calls it far away', () => {
    for (const embedding of [
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 1],
    ]) {
      expect(decide({ score: 0, embedding }, manifest)).toMatchObject({ verdict: 'unknown', distance: 2 });
      expect(decide({ score: 0, embedding }, manifest, 'nut')).toMatchObject({ verdict: 'pass', distance: 2 });
    }
  });

  it('gives p-values in (0, 1] that fall as scores rise', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true }), { minLength: 1 }),
        fc.float({ noNaN: true }),
        fc.float({ noNaN: true }),
        (scores, a, b) => {
          const [low, high] = [Math.min(a, b), Math.max(a, b)];
          expect(conformalP(high, scores)).toBeLessThanOrEqual(conformalP(low, scores));
          expect(conformalP(high, scores)).toBeGreaterThan(0);
          expect(conformalP(low, scores)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('measures angles, not lengths', () => {
    expect(cosineDistance([1, 2], [10, 20])).toBeCloseTo(0);
    expect(cosineDistance([1, 0], [-3, 0])).toBeCloseTo(2);
    expect(cosineDistance([0, 0], [1, 0])).toBe(1);
  });
});
