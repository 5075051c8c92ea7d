import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainConfigSchema } from './config.js';
import { planEpoch, totalEpochs } from './stages.js';

describe('the plan of an epoch', () => {
  const config = (more: object) => trainConfigSchema.parse({ data: ['x'], epochs: 3, batch: 8, ...more });
  const labelsOf = (batches: ReturnType<typeof planEpoch>) => new Set(batches.flat().map(({ label }) => label));

  it('has one class a stage in sequence, all of its images in every epoch', () => {
    const sequential = config({ strategy: 'sequential' });
    expect(totalEpochs(sequential, 3)).toBe(9);
    expect(totalEpochs(config({}), 3)).toBe(3);
    for (const epoch of [3, 4, 5]) {
      const batches = planEpoch([24, 16, 8], sequential, epoch);
      expect(labelsOf(batches)).toEqual(new Set([1]));
      expect(new Set(batches.flat().map(({ index }) => index)).size).toBe(16);
    }
  });

  it('replays the memory of earlier classes in continual training, and no more than that', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(0.1, 0.5, 0.9),
        fc.integer({ min: 0, max: 1000 }),
        (counts, images, share, seed) => {
          const continual = config({ strategy: 'continual', replay: { images, share }, seed });
          const seen = new Map<number, Set<number>>();
          for (let epoch = 0; epoch < totalEpochs(continual, counts.length); epoch++) {
            const stage = Math.floor(epoch / continual.epochs);
            const batches = planEpoch(counts, continual, epoch);
            expect(planEpoch(counts, continual, epoch)).toEqual(batches);
            for (const batch of batches) {
              expect(batch).toHaveLength(8);
              const old = batch.filter(({ label }) => label !== stage);
              expect(old).toHaveLength(stage === 0 ? 0 : Math.min(7, Math.round(8 * share)));
              for (const { label, index } of old) {
                expect(label).toBeLessThan(stage);
                seen.set(label, (seen.get(label) ?? new Set()).add(index));
              }
            }
          }
          for (const [label, indices] of seen) {
            expect(indices.size).toBeLessThanOrEqual(Math.min(images, counts[label] as number));
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});
