import { describe, expect, it } from 'vitest';
import { type Comparison, FIGURES, type Figures, toleranceSchema } from '../compare/comparison.js';
import { objection } from './refusal.js';

const TOLERANCE = toleranceSchema.parse({});
const from = { modelId: '0123456789abcdef', release: 'releases/_/bottles-3.json' };
const figures = (changes: Partial<Figures> = {}) =>
  ({ ...Object.fromEntries(FIGURES.map((figure) => [figure, { before: 0.5, after: 0.5 }])), ...changes }) as Figures;
const comparison = (mean: Partial<Figures>, bottle: Partial<Figures> = {}): Comparison => ({
  schema: 'beltsight.comparison/1',
  before: from,
  data: ['products'],
  images: { good: 40, defective: 40, feedback: 8 },
  classes: { bottle: figures(bottle) },
  mean: figures(mean),
});
const pair = (before: number | null, after: number | null) => ({ before, after });

describe('the release of a model that was trained further', () => {
  it.each([
    ['as good', comparison({})],
    ['as bad as tolerated', comparison({ imageAuroc: pair(0.9, 0.89), missed: pair(0.1, 0.15) })],
    ['better', comparison({ imageAuroc: pair(0.9, 0.95), falseAlarms: pair(1, 0.1) })],
    ['worse in pixels, by which nothing is decided', comparison({ pixelAuroc: pair(0.9, 0.5) })],
  ])('is fine where it is %s', (_, compared) => {
    expect(objection({ from, comparison: compared }, TOLERANCE)).toBeUndefined();
  });

  it.each([
    [comparison({ imageAuroc: pair(0.9, 0.88) }), 'mean image AUROC falls from 90.0 % to 88.0 % (tolerated: 1.0 %)'],
    [comparison({}, { imageAuroc: pair(0.9, 0.8) }), 'image AUROC of bottle falls from 90.0 % to 80.0 %'],
    [comparison({ falseRejects: pair(0.05, 0.15) }), 'good products rejected rises from 5.0 % to 15.0 %'],
    [comparison({ missed: pair(0, 0.1) }), 'defects missed rises from 0.0 % to 10.0 %'],
    [comparison({ falseAlarms: pair(0.5, 0.6) }), 'fed-back pictures rejected rises from 50.0 % to 60.0 %'],
    [
      comparison({ imageAuroc: pair(null, null) }),
      'nobody knows whether it finds defects as well as releases/_/bottles',
    ],
    [null, 'never compared with it'],
  ])('is objected to where it is worse, or nobody knows (%#)', (compared, why) => {
    expect(objection({ from, comparison: compared }, TOLERANCE)).toContain(why);
  });

  it('follows the tolerance that was set', () => {
    const facts = { from, comparison: comparison({ imageAuroc: pair(0.9, 0.88) }) };
    expect(objection(facts, toleranceSchema.parse({ imageAuroc: 0.03 }))).toBeUndefined();
  });

  it('has no objection to one that was trained from nothing', () => {
    expect(objection({}, TOLERANCE)).toBeUndefined();
    expect(objection({ from: null, comparison: null }, TOLERANCE)).toBeUndefined();
  });
});
