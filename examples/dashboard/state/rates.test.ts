import type { Verdict } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import type { Point } from './model.js';
import { rateChart, rateHz } from './rates.js';

const run = (length: number, every: number): { verdict: Verdict }[] =>
  Array.from({ length }, (_, i) => ({ verdict: i % every === every - 1 ? 'reject' : 'pass' }));

describe('the chart of what did not pass', () => {
  it('has the limits of an EWMA chart around the mean', () => {
    const { centre, upper, lower, values } = rateChart(run(100, 10));
    expect(centre).toBeCloseTo(0.1, 12);
    // 3 √(0.1 · 0.9 · 0.05 / 1.95)
    expect(upper).toBeCloseTo(0.1 + 0.144115, 5);
    expect(lower).toBe(0);
    expect(Math.max(...values)).toBeLessThan(upper as number);
  });

  it('leaves its limits when rejects come in a row', () => {
    const { values, upper } = rateChart([...run(200, 20), ...run(8, 1)]);
    expect(values.at(-1)).toBeGreaterThan(upper as number);
  });

  it('has no limits before there is enough to judge by', () => {
    expect(rateChart(run(19, 5)).upper).toBeUndefined();
    expect(rateChart([])).toEqual({ values: [], centre: 0, lower: 0, upper: undefined });
  });
});

describe('the rate', () => {
  const points = (...at: number[]) => at.map((each) => ({ at: each }) as Point);

  it('counts the results of the last seconds', () => {
    const steady = points(...Array.from({ length: 100 }, (_, i) => i * 250));
    expect(rateHz(steady, 99 * 250)).toBeCloseTo(4.1, 5);
    expect(rateHz(steady, 99 * 250 + 60_000)).toBe(0);
  });

  it('is fair to a camera that has only begun', () => {
    expect(rateHz(points(0, 500, 1000, 1500, 2000), 2000)).toBe(2.5);
    expect(rateHz([], 5)).toBe(0);
  });
});
