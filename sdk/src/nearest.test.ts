import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.js';

describe('nearest', () => {
  it('is the name within two edits, whatever its case', () => {
    expect(nearest('rateHZ', ['name', 'rateHz'])).toBe('rateHz');
    expect(nearest('elephants', ['name', 'rateHz'])).toBeUndefined();
  });

  it('is none where every letter would have to be another', () => {
    expect(nearest('w', ['x', 'y', 'width', 'height'])).toBeUndefined();
    expect(nearest('ab', ['cd'])).toBeUndefined();
    expect(nearest('xx', ['x', 'y'])).toBe('x');
  });
});
