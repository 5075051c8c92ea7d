import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aupro } from './aupro.js';
import { descendingOrder } from './order.js';
import { rank } from './ranking.js';
import { labelRegions } from './regions.js';

/** Few levels, so that ties are common. */
const level = fc.integer({ min: -4, max: 4 }).map((value) => value / 4);
const scored = fc.array(fc.record({ score: level, positive: fc.boolean() }), { minLength: 1, maxLength: 60 });

describe('ranking metrics', () => {
  it('order scores of every kind from high to low', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true }), { maxLength: 50 }), (scores) => {
        const values = Float32Array.from(scores);
        const sorted = Array.from(descendingOrder(values), (i) => values[i] as number);
        // -0 and 0 are equal scores in either order.
        expect(sorted.map((v) => v + 0)).toEqual([...values].sort((a, b) => b - a).map((v) => v + 0));
      }),
    );
  });

  it('AUROC is the share of pairs in the right order, ties counting half', () => {
    fc.assert(
      fc.property(scored, (items) => {
        const [good, bad] = [items.filter((i) => !i.positive), items.filter((i) => i.positive)];
        const wins = bad.flatMap((b) =>
          good.map((g): number => (b.score > g.score ? 1 : b.score === g.score ? 0.5 : 0)),
        );
        const { auroc } = rank(
          Float32Array.from(items, (i) => i.score),
          Uint8Array.from(items, (i) => (i.positive ? 1 : 0)),
        );
        if (wins.length === 0) expect(auroc).toBeNull();
        else expect(auroc).toBeCloseTo(wins.reduce((a, b) => a + b, 0) / wins.length, 9);
      }),
    );
  });
});

describe('AUPRO', () => {
  /** The definition, word for word: every threshold, every region, one at a time. */
  function obvious(maps: number[], mask: number[], width: number, limit: number): number | null {
    const { labels, sizes } = labelRegions(Uint8Array.from(mask), width);
    const normal = mask.filter((value) => value === 0).length;
    if (sizes.length === 0 || normal === 0) return null;
    const points = [[0, 0] as [number, number]];
    for (const threshold of [...new Set(maps)].sort((a, b) => b - a)) {
      const called = maps.map((value) => value >= threshold);
      const rate = called.filter((yes, i) => yes && mask[i] === 0).length / normal;
      const found = sizes.map((size, r) => called.filter((yes, i) => yes && labels[i] === r + 1).length / size);
      points.push([rate, found.reduce((a, b) => a + b, 0) / sizes.length]);
    }
    let area = 0;
    for (let i = 1; i < points.length; i++) {
      const [[x0, y0], [x1, y1]] = [points[i - 1] as [number, number], points[i] as [number, number]];
      if (x1 <= limit) area += ((x1 - x0) * (y0 + y1)) / 2;
      else if (x0 < limit) area += ((limit - x0) * (y0 + y0 + ((y1 - y0) * (limit - x0)) / (x1 - x0))) / 2;
    }
    return area / limit;
  }

  it('is what the definition says, ties included', () => {
    const pixel = fc.record({ score: level, marked: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(pixel, { minLength: 24, maxLength: 24 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (pixels, limit) => {
          const maps = pixels.map((p) => p.score);
          const masks = pixels.map((p) => (p.marked ? 1 : 0));
          const values = Float32Array.from(maps);
          const set = { maps: values, masks: Uint8Array.from(masks), width: 6, height: 4 };
          const actual = aupro(set, descendingOrder(values), limit);
          const expected = obvious(maps, masks, 6, limit);
          if (expected === null) expect(actual).toBeNull();
          else expect(actual).toBeCloseTo(expected, 9);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('joins regions across corners, not across the border of rows', () => {
    // A diagonal is one region; the last pixel of a row and the first of the next are not neighbours.
    expect(labelRegions(Uint8Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]), 3).sizes).toEqual([3]);
    expect(labelRegions(Uint8Array.from([0, 0, 1, 0, 0, 0, 1, 0, 0]), 3).sizes).toEqual([1, 1]);
  });
});
