import { describe, expect, it } from 'vitest';
import type { Camera, CameraFault, Frame } from './frame.js';
import { type View, viewed } from './view.js';

const EVERYTHING: View = { rotate: 0, mirror: false, every: 1, maxRateHz: null };

/** A camera with a frame every `periodMs`, but for those that are lost, and a fault after the third. */
function cameraOf(count: number, periodMs: number, lost: readonly number[]): Camera {
  return {
    name: 'belt',
    paced: true,
    check: async () => 'a camera',
    async *frames() {
      for (let sequence = 0; sequence < count; sequence++) {
        if (lost.includes(sequence)) continue;
        const jitter = sequence % 2 === 0 ? 0 : periodMs / 10;
        yield {
          format: 'GREY',
          width: 8,
          height: 8,
          data: new Uint8Array(64),
          sequence,
          capturedMs: sequence * periodMs + jitter,
        };
        if (sequence === 2) yield { fault: 'a wink' };
      }
    },
  };
}

async function seen(view: Partial<View>, count = 12, periodMs = 100, lost: readonly number[] = []) {
  const items: (Frame | CameraFault)[] = [];
  const { signal } = new AbortController();
  const camera = viewed(cameraOf(count, periodMs, lost), { ...EVERYTHING, ...view });
  for await (const item of camera.frames(signal)) items.push(item);
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

  it('looks at the next frame where the n-th was lost', async () => {
    expect(numbers(await seen({ every: 4 }, 12, 100, [0, 4, 5, 8, 9]))).toEqual([1, 'a wink', 6, 10]);
  });

  it('keeps to a rate, but does not halve a camera of that rate', async () => {
    expect(numbers(await seen({ maxRateHz: 5 }, 10))).toEqual([0, 2, 'a wink', 4, 6, 8]);
    expect(numbers(await seen({ maxRateHz: 10 }, 6))).toEqual([0, 1, 2, 'a wink', 3, 4, 5]);
  });

  it('leaves nothing out without a rate, also while a camera learns that its frames were taken earlier', async () => {
    expect(numbers(await seen({}, 4, -100))).toEqual([0, 1, 2, 'a wink', 3]);
  });

  it('tells what part of the frame counts and which way up it is', async () => {
    const roi = { x: 1, y: 2, width: 3, height: 4 };
    expect((await seen({ roi, rotate: 90 }))[0]).toMatchObject({ roi, orientation: { rotate: 90, mirror: false } });
  });
});
