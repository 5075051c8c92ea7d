import { describe, expect, it, vi } from 'vitest';
import type { Camera, CameraFault, Frame } from './frame.js';
import { type View, viewed } from './view.js';

const EVERYTHING: View = { rotate: 0, mirror: false, every: 1, maxRateHz: null };

/** A camera with a frame every `periodMs`, and a fault after the third. */
function cameraOf(count: number, periodMs: number): Camera {
  return {
    name: 'belt',
    paced: true,
    check: async () => 'a camera',
    async *frames() {
      for (let sequence = 0; sequence < count; sequence++) {
        const jitter = sequence % 2 === 0 ? 0 : periodMs / 10;
        yield {
          format: 'GREY',
          width: 8,
          height: 8,
          data: new Uint8Array(64),
          sequence,
          capturedAt: sequence * periodMs + jitter,
        };
        if (sequence === 2) yield { fault: 'a wink' };
      }
    },
  };
}

async function seen(view: Partial<View>, count = 12, periodMs = 100) {
  const items: (Frame | CameraFault)[] = [];
  const { signal } = new AbortController();
  for await (const item of viewed(cameraOf(count, periodMs), { ...EVERYTHING, ...view }).frames(signal))
    items.push(item);
  return items;
}
const numbers = (items: (Frame | CameraFault)[]) => items.map((item) => ('fault' in item ? item.fault : item.sequence));

describe('viewed', () => {
  it('changes nothing unless asked to', async () => {
    expect(numbers(await seen({}, 4))).toEqual([0, 1, 2, 'a wink', 3]);
    expect((await seen({}))[0]).toMatchObject({ roi: undefined, orientation: undefined });
  });

  it('looks at every n-th frame, and at all faults', async () => {
    expect(numbers(await seen({ every: 4 }))).toEqual([0, 'a wink', 4, 8]);
  });

  it('keeps to a rate though the clock is set', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    try {
      const camera: Camera = {
        ...cameraOf(0, 0),
        async *frames() {
          for (let sequence = 0; sequence < 12; sequence++) {
            vi.advanceTimersByTime(100);
            if (sequence === 3) vi.setSystemTime(Date.now() - 3_600_000);
            if (sequence === 8) vi.setSystemTime(Date.now() + 7_200_000);
            yield { format: 'GREY', width: 8, height: 8, data: new Uint8Array(64), sequence, capturedAt: Date.now() };
          }
        },
      };
      const items: (Frame | CameraFault)[] = [];
      const view = { ...EVERYTHING, maxRateHz: 5 };
      for await (const item of viewed(camera, view).frames(new AbortController().signal)) items.push(item);
      expect(numbers(items)).toEqual([0, 2, 4, 6, 8, 10]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('keeps to a rate, but does not halve a camera of that rate', async () => {
    expect(numbers(await seen({ maxRateHz: 5 }, 10))).toEqual([0, 2, 'a wink', 4, 6, 8]);
    expect(numbers(await seen({ maxRateHz: 10 }, 6))).toEqual([0, 1, 2, 'a wink', 3, 4, 5]);
  });

  it('tells when a frame was captured by a clock that no setting moves', async () => {
    const before = performance.now() - Date.now();
    const [first] = (await seen({}, 1)) as [Frame];
    // Both clocks are read in turn, and that of the day counts whole milliseconds.
    expect(Math.abs((first.capturedMs as number) - before - first.capturedAt)).toBeLessThan(60_000);
    expect(first.capturedMs).toBeLessThan(performance.now());
  });

  it('tells what part of the frame counts and which way up it is', async () => {
    const roi = { x: 1, y: 2, width: 3, height: 4 };
    expect((await seen({ roi, rotate: 90 }))[0]).toMatchObject({ roi, orientation: { rotate: 90, mirror: false } });
  });
});
