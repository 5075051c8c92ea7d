import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { believedTimes } from './times.js';

const believed = (stamps: number[], now: number, longestMs: number) => {
  const { times, leapMs } = believedTimes(stamps, now, longestMs);
  return { times: [...times], leapMs };
};

describe('believedTimes', () => {
  it('believes a clock that ran on', () => {
    expect(believed([10, 40, 40, 90], 100, 60)).toEqual({ times: [10, 40, 40, 90], leapMs: 0 });
    expect(believed([], 100, 60)).toEqual({ times: [], leapMs: 0 });
  });

  it('counts a leap as no time, before the start and between records, and says how long the longest was', () => {
    expect(believed([10, 20, 500, 510], 1000, 60)).toEqual({ times: [980, 990, 990, 1000], leapMs: 490 });
  });

  it('counts a step back as no time', () => {
    expect(believed([900, 910, 20, 30], 40, 60)).toEqual({ times: [10, 20, 20, 30], leapMs: 0 });
    expect(believed([900, 910], 0, 60)).toEqual({ times: [-10, 0], leapMs: 0 });
  });

  it('keeps the order, whatever the clocks said', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), fc.integer(), fc.nat(), (stamps, now, longestMs) => {
        const all = [...believed(stamps, now, longestMs).times, now];
        expect(all).toEqual([...all].sort((a, b) => a - b));
      }),
    );
  });
});
