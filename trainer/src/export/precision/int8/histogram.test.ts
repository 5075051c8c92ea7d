import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Magnitudes } from './histogram.js';

describe('a histogram of magnitudes', () => {
  it('gives percentiles to the width of a bin, whatever the order and size of what it was given', () => {
    const elements = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
    const parts = fc.array(fc.array(elements, { minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(parts, fc.double({ min: 0.01, max: 1, noNaN: true }), (chunks, share) => {
        const seen = new Magnitudes();
        const given = chunks.map((chunk) => Float32Array.from(chunk));
        for (const chunk of given) seen.add(chunk);
        // Read back: in a thread that opened a session, subnormal elements are zeros.
        const sorted = given
          .flatMap((chunk) => [...chunk])
          .map(Math.abs)
          .sort((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
        // The range is at most twice the largest magnitude, and has 2048 bins.
        const width = (sorted.at(-1) as number) / 1024;
        expect(seen.max).toBe(sorted.at(-1));
        expect(seen.percentile(share)).toBeGreaterThanOrEqual(exact * (1 - 1e-6));
        expect(seen.percentile(share)).toBeLessThanOrEqual(exact + width * 1.001);
      }),
    );
  });

  it('is empty of magnitude for zeros', () => {
    const seen = new Magnitudes();
    seen.add(new Float32Array(10));
    expect([seen.max, seen.percentile(0.999)]).toEqual([0, 0]);
  });
});
