import { describe, expect, it } from 'vitest';
import { parseReference, partOf } from './reference.js';
import { holdOut } from './split.js';

describe('holding out', () => {
  const files = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(2, '0'));

  it('takes the share, or what a threshold needs, and never the last image', () => {
    const sizes = (count: number, share: number) => {
      const { train, heldOut } = holdOut(files.slice(0, count), share, 0, 0);
      expect([...train, ...heldOut].sort()).toEqual(files.slice(0, count));
      return [train.length, heldOut.length];
    };
    expect(sizes(40, 0.1)).toEqual([30, 10]);
    expect(sizes(40, 0.5)).toEqual([20, 20]);
    expect(sizes(2, 0.9)).toEqual([1, 1]);
    expect(sizes(1, 0.5)).toEqual([1, 0]);
  });

  it('keeps all views of a product on one side', () => {
    const views = files.flatMap((file) => [0, 50].map((x) => partOf(file, { x, y: 0, width: 50, height: 100 })));
    const productOf = (view: string) => parseReference(view).file;
    const { train, heldOut } = holdOut(views, 0.25, 0, 0, productOf);
    expect(heldOut).toHaveLength(20);
    const trained = new Set(train.map(productOf));
    expect(heldOut.filter((view) => trained.has(productOf(view)))).toEqual([]);
    expect(holdOut(views.slice(0, 2), 0.5, 0, 0, productOf).train).toHaveLength(2);
  });
});
