import { describe, expect, it } from 'vitest';
import { intervalMs, retryMs } from './pace.js';
import { HawkbitError } from './server.js';

describe('hawkBit is asked', () => {
  it.each([
    ['00:05:00', 300_000],
    ['12:00:00', 43_200_000],
    ['00:00:01', 5000],
    ['99:59:59', 86_400_000],
    ['soon', 300_000],
    ['00:05:99', 300_000],
    [undefined, 300_000],
  ])('where it says %s, at most every %d ms', (sleep, ms) => {
    expect(intervalMs(sleep, 1)).toBe(ms);
    expect(intervalMs(sleep, 0)).toBe(ms * 0.8);
  });

  it('less and less often while it fails', () => {
    const error = new Error('away');
    expect([0, 1, 2, 6, 60].map((failures) => retryMs(failures, error, 0.5))).toEqual([
      5000, 10_000, 20_000, 300_000, 300_000,
    ]);
  });

  it('not before it wants to be, but within the hour', () => {
    const busy = (retryAfterMs: number) => new HawkbitError('UPDATE_UNREACHABLE', 'busy', { retryAfterMs });
    expect(retryMs(0, busy(20_000), 0.5)).toBe(20_000);
    expect(retryMs(0, busy(1e12), 0.5)).toBe(3_600_000);
  });
});
