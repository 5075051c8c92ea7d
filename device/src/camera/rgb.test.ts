import { afterAll, describe, expect, it, vi } from 'vitest';
import { loadRuntime } from '../score/ort/library.js';
import { OrtSession } from '../score/ort/session.js';
import type { Frame } from './frame.js';
import { RgbConverter } from './rgb.js';

const converter = new RgbConverter(loadRuntime());
afterAll(() => converter.close());

describe('RgbConverter', () => {
  it('gives memory of its own for what is RGB already, too: it is encoded while the camera uses that of the frame again', async () => {
    const data = new Uint8Array(12).fill(7);
    const picture = await converter.convert({ format: 'RGB24', width: 2, height: 2, data });
    data.fill(9);
    expect(picture).toEqual({ format: 'RGB24', width: 2, height: 2, data: new Uint8Array(12).fill(7) });
  });

  it('cuts, turns and converts, one after the other, for frames that change their look', async () => {
    const bgr = { format: 'BGR24', width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) } as const;
    const grey = { format: 'GREY', width: 3, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) } as const;
    const turned = {
      ...grey,
      roi: { x: 1, y: 0, width: 2, height: 2 },
      orientation: { rotate: 90, mirror: false },
    } as const;
    const results = await Promise.all([bgr, grey, turned, bgr].map((picture) => converter.convert(picture)));
    expect(results.map(({ width, height, data }) => [width, height, Array.from(data)])).toEqual([
      [2, 1, [3, 2, 1, 6, 5, 4]],
      [3, 2, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6]],
      [2, 2, [5, 5, 5, 2, 2, 2, 6, 6, 6, 3, 3, 3]],
      [2, 1, [3, 2, 1, 6, 5, 4]],
    ]);
  });

  it('keeps its graph for frames that differ in number and time alone', async () => {
    const frame = { format: 'GREY', width: 1, height: 1, data: Uint8Array.of(7), sequence: 0, capturedMs: 1 } as const;
    const opened = vi.spyOn(OrtSession, 'open');
    for (const sequence of [0, 1, 2])
      await converter.convert({ ...frame, sequence, capturedMs: 40 * sequence } as Frame);
    expect(opened).toHaveBeenCalledTimes(1);
    opened.mockRestore();
  });

  it('goes on after a picture that cannot be', async () => {
    const odd = { format: 'NV12', width: 3, height: 3, data: new Uint8Array(13) } as const;
    await expect(converter.convert(odd)).rejects.toThrow('both sides must be even');
    const black = { format: 'GREY', width: 1, height: 1, data: Uint8Array.of(7) } as const;
    expect(Array.from((await converter.convert(black)).data)).toEqual([7, 7, 7]);
  });
});
