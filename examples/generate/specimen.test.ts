import { describe, expect, it } from 'vitest';
import { drawSpecimen, products } from './specimen.js';

const SIZE = 96;
const marked = (mask: Uint8Array) => mask.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);

describe.each(products)('$name', (product) => {
  it('is the same picture for the same seed and another one for another seed', () => {
    const first = drawSpecimen(product, SIZE, 1);
    expect(drawSpecimen(product, SIZE, 1)).toEqual(first);
    expect(drawSpecimen(product, SIZE, 2).pixels).not.toEqual(first.pixels);
  });

  it('has an empty mask when good', () => {
    expect(marked(drawSpecimen(product, SIZE, 3).mask)).toBe(0);
  });

  it.each(product.defects)('marks the pixels of %s', (defect) => {
    for (let seed = 0; seed < 4; seed++) {
      const area = marked(drawSpecimen(product, SIZE, seed, defect).mask);
      expect(area).toBeGreaterThan(4);
      expect(area).toBeLessThan(0.1 * SIZE * SIZE);
    }
  });
});
