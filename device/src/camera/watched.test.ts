import { frameShape, PIXEL_FORMATS } from '@beltsight/sdk/preprocess';
import { describe, expect, it } from 'vitest';
import { brightnessOf } from './brightness.js';
import type { Camera, CameraFault, Frame } from './frame.js';
import { type Watch, watched } from './watched.js';

const WATCH: Watch = { frozenFrames: 4, darkest: 0.01, brightest: 0.99 };

/** A grey camera whose frames have these levels; a negative one is noisy. */
function cameraOf(levels: readonly number[]): Camera {
  return {
    name: 'belt',
    paced: true,
    check: async () => 'a camera',
    async *frames() {
      for (const [sequence, level] of levels.entries()) {
        const data = new Uint8Array(64).fill(Math.abs(level));
        if (level < 0) data[sequence % 64] = sequence % 256;
        yield { format: 'GREY', width: 8, height: 8, data, sequence, capturedMs: sequence };
      }
    },
  };
}

async function seen(levels: readonly number[], watch: Partial<Watch> = {}) {
  const items: (number | string)[] = [];
  const { signal } = new AbortController();
  const take = async () => {
    for await (const item of watched(cameraOf(levels), { ...WATCH, ...watch }).frames(signal)) {
      items.push('fault' in (item as Frame | CameraFault) ? (item as CameraFault).fault : (item as Frame).sequence);
    }
  };
  return {
    items,
    error: await take().then(
      () => undefined,
      (error: Error) => error.message,
    ),
  };
}

describe('watched', () => {
  it('lets a camera that shows something be', async () => {
    const { items, error } = await seen([-90, -90, -100, -110, -120, -90, -90, -90]);
    expect(error).toBeUndefined();
    expect(items).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('gives up on one that hangs, after the frames that may be alike', async () => {
    const { items, error } = await seen([-50, 90, 90, 90, 90, 90]);
    expect(items).toEqual([0, 1, 2, 3]);
    expect(error).toMatch(/Camera "belt" has given the same image 4 times/);
    expect((await seen([90, 90, 90, 90, 90], { frozenFrames: null })).error).toBeUndefined();
  });

  it.each([
    [0, /sees nothing but black \(brightness 1\.0 % or less\): is the lens covered/],
    [255, /sees nothing but white \(brightness 99\.0 % or more\): shorten its exposure/],
  ])(
    'tells of frames of level %d instead of handing them on, and goes on when there is a picture again',
    async (level, message) => {
      const { items } = await seen([-90, level, level, level, level, level, level, -90], { frozenFrames: null });
      expect(items.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
      expect(items.slice(5, 7)).toEqual([expect.stringMatching(message), expect.stringMatching(message)]);
      expect(items.at(-1)).toBe(7);
    },
  );

  it('says the same of frames that differ by noise alone, so that it is told once', async () => {
    const levels = Array.from({ length: 20 }, (_, i) => i % 3);
    const { items } = await seen(levels, { frozenFrames: null });
    expect(items.slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect([...new Set(items.slice(4))]).toEqual([expect.stringContaining('black')]);
  });

  it('does not mind one dark frame between two flashes', async () => {
    expect((await seen([-90, 0, -90, 0, -90, 0, -90, 0, -90, 0, -90])).items).toHaveLength(11);
  });
});

describe('brightnessOf', () => {
  it.each(PIXEL_FORMATS)('%s from black to white', (format) => {
    const layout = { format, width: 64, height: 48 };
    const [rows, stride] = frameShape(layout);
    const data = new Uint8Array(rows * stride);
    expect(brightnessOf({ ...layout, data })).toBe(0);
    // White, whose chroma is half way, and the unused bits of which are zero.
    const [low, high] = { Y10: [255, 3], Y12: [255, 15] }[format as string] ?? [255, 255];
    data.forEach((_, i) => {
      const chroma = (format === 'YUYV' && i % 2 === 1) || (format === 'UYVY' && i % 2 === 0) || i >= 48 * stride;
      data[i] = chroma ? 128 : ((i % 2 === 0 ? low : high) as number);
    });
    expect(brightnessOf({ ...layout, data })).toBeCloseTo(1, 9);
  });

  it.each([0, 1, 2])('colour %d alone is not black', (channel) => {
    const data = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i % 3 === channel ? 255 : 0));
    expect(brightnessOf({ format: 'RGB24', width: 64, height: 48, data })).toBeCloseTo(1 / 3, 9);
  });
});
