import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FolderCamera } from './folder.js';
import type { CameraFault, Frame } from './frame.js';
import { newest } from './newest.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-camera-'));
  await mkdir(join(folder, 'images', 'b'), { recursive: true });
  for (const [name, width] of [
    ['a.png', 4],
    ['b/c.png', 5],
    ['b/d.png', 6],
  ] as const) {
    await sharp({ create: { width, height: 3, channels: 3, background: 'red' } }).toFile(join(folder, 'images', name));
  }
  await writeFile(join(folder, 'images', 'notes.txt'), 'no image');
});
afterAll(() => rm(folder, { recursive: true }));

const defaults = { type: 'folder', rateHz: null, loop: false, shuffle: false, seed: 0 } as const;
const camera = (change = {}) => new FolderCamera('belt', { ...defaults, path: join(folder, 'images'), ...change });

async function take(source: AsyncIterable<Frame | CameraFault>, count: number) {
  const items: (Frame | CameraFault)[] = [];
  for await (const item of source) if (items.push(item) >= count) break;
  return items;
}
const sources = (items: (Frame | CameraFault)[]) => items.map((item) => ('fault' in item ? item.fault : item.source));

describe('FolderCamera', () => {
  const { signal } = new AbortController();
  it('gives every image once, by name, numbered', async () => {
    const frames = await take(camera().frames(signal), 10);
    expect(sources(frames)).toEqual(['a.png', 'b/c.png', 'b/d.png']);
    expect(frames.map((f) => (f as Frame).sequence)).toEqual([0, 1, 2]);
    expect(frames[1]).toMatchObject({ width: 5, height: 3, format: 'RGB24' });
  });

  it('loops, and shuffles each round in an order that the seed decides', async () => {
    const order = async (seed: number) =>
      sources(await take(camera({ loop: true, shuffle: true, seed }).frames(signal), 9));
    const first = await order(1);
    expect(first).toEqual(await order(1));
    for (const round of [first.slice(0, 3), first.slice(3, 6)])
      expect([...round].sort()).toEqual(['a.png', 'b/c.png', 'b/d.png']);
    expect(new Set((await Promise.all([1, 2, 3, 4].map(order))).map(String)).size).toBeGreaterThan(1);
  });

  it('keeps its rate and ends at once when told', async () => {
    const stop = new AbortController();
    const start = performance.now();
    const frames: unknown[] = [];
    for await (const frame of camera({ rateHz: 20, loop: true }).frames(stop.signal)) {
      if (frames.push(frame) === 4) stop.abort();
    }
    expect(frames).toHaveLength(4);
    expect(performance.now() - start).toBeGreaterThan(140);
    const slow = new AbortController();
    setTimeout(() => slow.abort(), 20);
    expect(await take(camera({ rateHz: 0.01 }).frames(slow.signal), 1)).toEqual([]);
  });

  it('reports an image that is damaged and goes on', async () => {
    await writeFile(join(folder, 'images', 'aa.png'), 'damaged');
    const items = sources(await take(camera().frames(signal), 10));
    await rm(join(folder, 'images', 'aa.png'));
    expect(items).toEqual(['a.png', expect.stringMatching(/aa\.png cannot be decoded/), 'b/c.png', 'b/d.png']);
  });

  it('names a BMP, which it does not read, and goes on', async () => {
    await writeFile(join(folder, 'images', 'aa.bmp'), 'BM');
    const items = sources(await take(camera().frames(signal), 10));
    await rm(join(folder, 'images', 'aa.bmp'));
    const named = expect.stringMatching(/aa\.bmp cannot be decoded.*reads no BMP; convert it to PNG/);
    expect(items).toEqual(['a.png', named, 'b/c.png', 'b/d.png']);
  });

  it('says what is wrong with its folder', async () => {
    await expect(camera({ path: join(folder, 'none') }).check()).rejects.toThrow(/"belt" cannot read folder .*none/);
    await mkdir(join(folder, 'empty'));
    await expect(camera({ path: join(folder, 'empty') }).check()).rejects.toThrow(/no image in .*empty/);
  });
});

describe('newest', () => {
  const frame = (sequence: number) => ({ sequence, data: Uint8Array.of(sequence) }) as unknown as Frame;

  it('hands over the pixels of the frame that it names, though the camera uses its memory again', async () => {
    const data = new Uint8Array(1);
    async function* camera() {
      for (let sequence = 0; sequence < 50; sequence++) {
        data[0] = sequence;
        yield { ...frame(sequence), data };
        await setImmediate();
      }
    }
    const seen: [sequence: number, pixel: number | undefined, later: number | undefined][] = [];
    for await (const item of newest(camera(), () => undefined)) {
      const { sequence, data: pixels } = item as Frame;
      const [pixel] = pixels;
      for (let round = 0; round < 7; round++) await setImmediate();
      seen.push([sequence, pixel, pixels[0]]);
    }
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual(seen.map(([sequence]) => [sequence, sequence, sequence]));
  });

  it('drops and counts what a slow consumer does not take', async () => {
    async function* fast() {
      for (let i = 0; i < 10; i++) {
        yield frame(i);
        await sleep(10);
      }
    }
    let dropped = 0;
    const seen: number[] = [];
    for await (const item of newest(fast(), () => dropped++)) {
      seen.push((item as Frame).sequence);
      await sleep(35);
    }
    expect(seen.length + dropped).toBe(10);
    expect(dropped).toBeGreaterThan(3);
    expect(seen.at(-1)).toBe(9);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('passes on faults and the error that ends the camera', async () => {
    async function* failing() {
      yield { fault: 'dirty' };
      yield frame(1);
      throw new Error('unplugged');
    }
    const seen: unknown[] = [];
    const all = (async () => {
      for await (const item of newest(failing(), () => undefined)) seen.push(item);
    })();
    await expect(all).rejects.toThrow('unplugged');
    expect(seen).toEqual([{ fault: 'dirty' }, frame(1)]);
  });

  it('lets go of the camera when the consumer leaves', async () => {
    let released = false;
    async function* endless() {
      try {
        for (let i = 0; ; i++) {
          yield frame(i);
          await sleep(5);
        }
      } finally {
        released = true;
      }
    }
    await take(
      newest(endless(), () => undefined),
      2,
    );
    await sleep(30);
    expect(released).toBe(true);
  });
});
