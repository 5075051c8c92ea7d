import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EncoderTrack, type TrackOptions } from './encoder-track.js';

/** A track with a clock of its own. */
function trackOf(options: Partial<TrackOptions> = {}) {
  const clock = { ms: 0 };
  const track = new EncoderTrack(
    { bits: 32, reverse: false, resetCounts: 1000, toleranceMs: 50, ...options },
    () => clock.ms,
  );
  const read = (raw: number, atMs: number) => {
    clock.ms = Math.max(clock.ms, atMs);
    return track.read(raw, atMs);
  };
  return { track, clock, read };
}

/** Times every so many milliseconds. */
const tens = (from: number, to: number) => Array.from({ length: (to - from) / 10 + 1 }, (_, i) => from + 10 * i);
/** Readings of a belt at a count a millisecond. */
const hundreds = (from: number, to: number) =>
  Array.from({ length: (to - from) / 100 + 1 }, (_, i) => [from + 100 * i, from + 100 * i] as const);

describe('EncoderTrack', () => {
  it.each([16, 32] as const)('counts on where a counter of %i bits begins again at 0', (bits) => {
    const steps = fc.array(fc.integer({ min: -400, max: 2 ** 15 - 1 }), { maxLength: 50 });
    fc.assert(
      fc.property(fc.nat(2 ** bits - 1), steps, (start, all) => {
        const { track, read } = trackOf({ bits });
        read(start, 0);
        let position = 0;
        let raw = start;
        all.forEach((step, i) => {
          position += step;
          raw = (raw + step + 2 ** bits) % 2 ** bits;
          expect(read(raw, i + 1)).toBe('moved');
          expect(track.at(i + 1)).toBe(position);
        });
      }),
    );
  });

  it('counts backwards where the encoder does', () => {
    const { track, read } = trackOf({ reverse: true });
    read(5, 0);
    read(2 ** 32 - 5, 10);
    expect(track.at(10)).toBe(10);
  });

  it('reckons positions between readings, and as far beyond the last one as they lie apart', () => {
    const { track, clock, read } = trackOf();
    expect(track.at(0)).toBeUndefined();
    read(0, 0);
    read(100, 100);
    expect([track.at(-1), track.at(50), track.at(150), track.at(200), track.at(250)]).toEqual([
      undefined,
      50,
      150,
      200,
      200,
    ]);
    expect(track.msUntil(180)).toBe(80);
    expect(track.msUntil(250)).toBeUndefined();
    clock.ms = 180;
    expect(track.reached(180)).toBe(true);
    expect(track.reached(181)).toBe(false);
  });

  it('tells no position in a silence in which the belt ran and stood, nor how early a target was passed in it', () => {
    const { track, clock, read } = trackOf();
    for (let ms = 0; ms <= 1000; ms += 10) read(ms, ms);
    clock.ms = 3000;
    expect([track.at(1005), track.at(1060), track.at(1061), track.at(2500)]).toEqual([
      1005,
      1010,
      undefined,
      undefined,
    ]);
    expect([track.mayTell(990), track.mayTell(2500)]).toEqual([false, true]);
    read(2000, 3000);
    expect([track.at(1005), track.at(1060), track.at(2500), track.at(3000)]).toEqual([1005, 1010, undefined, 2000]);
    expect(track.mayTell(2500)).toBe(false);
    expect(track.lateMs(1990)).toBe(2000);
  });

  it('tells no position in a silence in which the belt was faster than ever before', () => {
    const { track, read } = trackOf();
    for (let ms = 0; ms <= 1000; ms += 10) read(ms / 10, ms);
    read(1100, 3000);
    expect(track.at(2500)).toBeUndefined();
    expect(track.lateMs(1000)).toBe(2000);
  });

  it.each<[string, number[], number[], Partial<TrackOptions>?]>([
    ['polls every 10 ms, of which 80 ms are missing', [...tens(0, 1000), 1080], [1005, 1065, 1075]],
    ['events of products', [0, 300, 2300, 2600, 4600], [900, 3000, 4000]],
    ['a poll that came late', [0, 100, 185, 200, 300], [150, 270], { countsPerSecond: 1000 }],
    ['a long silence', [...tens(0, 1000), 3000, 3010], [1500, 2990]],
  ])('knows where a steady belt was between %s', (_, readings, asked, options) => {
    const { track, clock, read } = trackOf(options);
    for (const ms of readings) read(ms, ms);
    expect(asked.map((ms) => track.at(ms))).toEqual(asked);
    expect(asked.map((position) => track.lateMs(position))).toEqual(asked.map((ms) => clock.ms - ms));
  });

  it.each([
    ['one step behind', [...hundreds(0, 900), [1000, 1099] as const, ...hundreds(1100, 2000)]],
    ['after a stall', [...hundreds(0, 900), [1000, 3950] as const, [3951, 3951] as const, [4000, 4000.5] as const]],
  ])('notices a silence also when a reading has come late, %s', (_, readings) => {
    const { track, read } = trackOf();
    for (const [count, ms] of readings) read(count, ms);
    const last = readings.at(-1) as readonly [number, number];
    read(last[0] + 4000, last[1] + 8000);
    expect(track.at(last[1] + 4000)).toBeUndefined();
    expect(track.lateMs(last[0] + 3990)).toBe(8000);
  });

  it('knows afterwards where the belt was in a silence in which it stood', () => {
    const { track, read } = trackOf();
    // An encoder that tells changes only: the belt slows down, stands, and starts.
    for (const [count, ms] of [
      [0, 0],
      [100, 100],
      [200, 200],
      [202, 300],
      [220, 10_000],
    ] as const)
      read(count, ms);
    expect(track.at(5000)).toBeGreaterThanOrEqual(202);
    expect(track.at(5000)).toBeLessThanOrEqual(220);
  });

  it('reckons between readings of which none is missing, though one came late', () => {
    const { track, read } = trackOf();
    for (const ms of [0, 100, 200, 430]) read(ms, ms);
    expect(track.at(400)).toBe(400);
  });

  it('takes the configured speed for the one to come, in the direction that was measured', () => {
    const { track, read } = trackOf({ countsPerSecond: 2000 });
    read(0, 0);
    read(100, 100);
    expect(track.at(150)).toBe(200);
    read(90, 200);
    expect(track.at(250)).toBe(-10);
  });

  it('reckons nothing while the belt stands', () => {
    const { track, read } = trackOf({ countsPerSecond: 1000 });
    read(100, 0);
    read(100, 100);
    expect(track.at(150)).toBe(0);
    expect(track.msUntil(1)).toBeUndefined();
  });

  it('tells when a target was passed', () => {
    const { track, clock, read } = trackOf();
    read(0, 0);
    read(100, 100);
    read(300, 200);
    clock.ms = 200;
    expect(track.lateMs(300)).toBe(0);
    expect(track.lateMs(200)).toBe(50);
    expect(track.lateMs(50)).toBe(150);
    // Before anything that is known.
    expect(track.lateMs(-10)).toBe(200);
  });

  it('notices a counter that began anew', () => {
    const { track, read } = trackOf({ resetCounts: 1000 });
    read(5000, 0);
    read(6000, 100);
    expect(read(4999, 200)).toBe('anew');
    expect(read(5100, 300)).toBe('moved');
    expect(track.at(300)).toBe(101);
  });

  it('never asks to be looked at again without end', () => {
    const readings = fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 200 })), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(readings, fc.integer({ min: 1, max: 3000 }), (all, target) => {
        const { track, clock, read } = trackOf();
        let [raw, at] = [0, 0];
        for (const [counts, ms] of all) {
          raw += counts;
          at += ms;
          read(raw, at);
        }
        for (let looks = 0; !track.reached(target); looks++) {
          const ms = track.msUntil(target);
          if (ms === undefined) return;
          expect(looks).toBeLessThan(5);
          clock.ms += Math.max(ms, 0.001);
        }
      }),
    );
  });
});
