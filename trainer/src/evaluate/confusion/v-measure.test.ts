import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vMeasure } from './v-measure.js';

/** Mutual information over the mean of both entropies, from the table of counts: the same number by another way. */
function normalisedInformation(classes: readonly number[], clusters: readonly number[]): number {
  const n = classes.length;
  const share = (test: (i: number) => boolean) => classes.filter((_, i) => test(i)).length / n;
  let [information, entropies] = [0, 0];
  for (const c of new Set(classes)) {
    const p = share((i) => classes[i] === c);
    entropies -= p * Math.log(p);
    for (const k of new Set(clusters)) {
      const q = share((i) => clusters[i] === k);
      const both = share((i) => classes[i] === c && clusters[i] === k);
      if (both > 0) information += both * Math.log(both / (p * q));
    }
  }
  for (const k of new Set(clusters)) {
    const q = share((i) => clusters[i] === k);
    entropies -= q * Math.log(q);
  }
  return entropies === 0 ? 1 : (2 * information) / entropies;
}

describe('V-measure', () => {
  // Values that scikit-learn's documentation gives for v_measure_score, homogeneity_score and completeness_score.
  it.each([
    { classes: [0, 0, 1, 1], clusters: [1, 1, 0, 0], expected: [1, 1, 1] },
    { classes: [0, 0, 1, 2], clusters: [0, 0, 1, 1], expected: [0.666667, 1, 0.8] },
    { classes: [0, 1, 2, 3], clusters: [0, 0, 1, 1], expected: [0.5, 1, 0.666667] },
    { classes: [0, 0, 1, 1], clusters: [0, 0, 1, 2], expected: [1, 0.666667, 0.8] },
    { classes: [0, 0, 1, 1], clusters: [0, 1, 2, 3], expected: [1, 0.5, 0.666667] },
    { classes: [0, 0, 1, 1], clusters: [0, 1, 0, 1], expected: [0, 0, 0] },
    { classes: [0, 0, 1, 1], clusters: [0, 0, 0, 0], expected: [0, 1, 0] },
    { classes: [0, 0, 0, 0], clusters: [0, 1, 2, 3], expected: [1, 0, 0] },
  ])('of $classes in clusters $clusters is what scikit-learn says', ({ classes, clusters, expected }) => {
    const { homogeneity, completeness, vMeasure: v } = vMeasure(classes, clusters);
    for (const [i, value] of [homogeneity, completeness, v].entries())
      expect(value).toBeCloseTo(expected[i] as number, 6);
  });

  it('is the mutual information over the mean of the entropies', () => {
    const labels = fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(labels, (pairs) => {
        const [classes, clusters] = [pairs.map(([c]) => c), pairs.map(([, k]) => k)];
        expect(vMeasure(classes, clusters).vMeasure).toBeCloseTo(normalisedInformation(classes, clusters), 9);
      }),
    );
  });
});
