import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

const LONGEST_MS = 30_000;
const waits = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.next());

describe('Backoff', () => {
  it('draws from a range that doubles up to the longest', () => {
    expect(waits(new Backoff(LONGEST_MS, () => 1), 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(waits(new Backoff(LONGEST_MS, () => 0), 3)).toEqual([0, 0, 0]);
    expect(waits(new Backoff(50, () => 1), 2)).toEqual([50, 50]);
  });

  it('begins anew after a connection that held, and only then', () => {
    const backoff = new Backoff(LONGEST_MS, () => 1);
    waits(backoff, 4);
    backoff.held(4999);
    expect(backoff.next()).toBe(16_000);
    backoff.held(5000);
    expect(backoff.next()).toBe(1000);
  });

  it('waits half of the longest at least, once, where coming back soon would do harm', () => {
    const backoff = new Backoff(LONGEST_MS, () => 0);
    backoff.yield();
    expect(waits(backoff, 2)).toEqual([15_000, 0]);
  });

  it('never waits longer than the longest, nor less than nothing', () => {
    const step = fc.oneof(fc.constant('next'), fc.constant('yield'), fc.nat(20_000));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.array(step), (longest, steps) => {
        const backoff = new Backoff(longest);
        for (const step of steps) {
          if (step === 'yield') backoff.yield();
          else if (typeof step === 'number') backoff.held(step);
          const wait = backoff.next();
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(longest);
        }
      }),
    );
  });
});
