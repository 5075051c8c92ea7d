import { describe, expect, it } from 'vitest';
import { histogram } from './svg.js';

describe('a histogram of scores', () => {
  it.each([
    ['below all of them', 1],
    ['among them', 2.5],
    ['above all of them', 9],
  ])('shows a threshold %s within the plot', (_, threshold) => {
    const picture = histogram('bolt', [2, 3], [4], threshold);
    const [, width] = /viewBox="0 0 (\d+)/.exec(picture) ?? [];
    const [, x] = /class="threshold" x1="([-\d.]+)"/.exec(picture) ?? [];
    const [, left] = /class="tick" x="(\d+)"/.exec(picture) ?? [];
    expect(Number(x)).toBeGreaterThanOrEqual(Number(left));
    expect(Number(x)).toBeLessThan(Number(width));
  });
});
