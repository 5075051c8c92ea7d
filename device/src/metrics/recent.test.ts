import { describe, expect, it } from 'vitest';
import { Recent } from './recent.js';

describe('Recent', () => {
  it('gives percentiles within 1 %, in the unit of what was recorded', () => {
    const recent = new Recent(1000, 0.01, () => 0);
    expect(recent.percentiles).toBeUndefined();
    for (let i = 1; i <= 1000; i++) recent.record(i / 10);
    const { count, p50, p99 } = recent.percentiles ?? { count: 0, p50: 0, p99: 0 };
    expect(count).toBe(1000);
    expect(Math.abs(p50 - 50)).toBeLessThan(0.5);
    expect(Math.abs(p99 - 99)).toBeLessThan(1);
  });

  it('forgets what is older than its time, by halves', () => {
    let now = 0;
    const recent = new Recent(1000, 1, () => now);
    recent.record(1);
    now = 600;
    recent.record(2);
    expect(recent.percentiles?.count).toBe(2);
    now = 1100;
    recent.record(3);
    expect(recent.percentiles).toMatchObject({ count: 2, p50: 2 });
    now = 5000;
    expect(recent.percentiles).toBeUndefined();
  });

  it('takes whatever number comes', () => {
    const recent = new Recent(1000, 0.5, () => 0);
    for (const value of [0, -1, Number.NaN, 1e300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      recent.record(value);
    expect(recent.percentiles).toMatchObject({ count: 6, p50: 0.5 });
  });
});
