import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeImage } from '../camera/decode.js';
import type { Camera } from '../camera/frame.js';
import { RgbConverter } from '../camera/rgb.js';
import { loadRuntime } from '../score/ort/library.js';
import { type CollectOptions, collect, type Progress } from './collect.js';
import { ImageStore } from './store.js';

const converter = new RgbConverter(loadRuntime());
let base: string;
let folder: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'beltsight-collect-'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(base, 'data-'));
});
afterAll(async () => {
  await converter.close();
  await rm(base, { recursive: true });
});

const SIDE = 64;
/** Stripes of a pitch that tells one product from another, sharp or blurred. */
async function stripes(pitch: number, blur = 0): Promise<Uint8Array> {
  const raw = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    return (x + (y >> 2)) % pitch < pitch / 3 ? 220 : 30 + pitch;
  });
  const image = sharp(raw, { raw: { width: SIDE, height: SIDE, channels: 3 } });
  return new Uint8Array(await (blur > 0 ? image.blur(blur) : image).raw().toBuffer());
}

function cameraOf(pictures: readonly Uint8Array[]): Camera {
  return {
    name: 'belt',
    paced: false,
    check: async () => 'a camera',
    async *frames() {
      for (const [sequence, data] of pictures.entries()) {
        yield { format: 'RGB24', width: SIDE, height: SIDE, data, sequence, capturedMs: performance.now() };
      }
    },
  };
}

async function collected(pictures: readonly Uint8Array[], options: Partial<CollectOptions> = {}, quotaBytes = 1e9) {
  const store = await ImageStore.open(folder, 'bottle', { quotaBytes, reserveBytes: 0 });
  const seen: Progress[] = [];
  const progress = await collect(
    {
      camera: cameraOf(pictures),
      converter,
      store,
      count: 100,
      difference: 1,
      sharpness: 0.5,
      about: { device: 'jetson7' },
      seen: (p) => seen.push(p),
      ...options,
    },
    new AbortController().signal,
  );
  return { progress, seen };
}
const images = () => readdir(join(folder, 'bottle', 'train', 'good'));

describe('collect', () => {
  it('keeps pictures without loss, with a line on each, in the layout that training takes', async () => {
    const pictures = await Promise.all([7, 13, 21].map((pitch) => stripes(pitch)));
    const { progress } = await collected(pictures);
    expect(progress).toEqual({ kept: 3, rejected: { duplicate: 0, blurred: 0 } });
    const names = await images();
    expect(names).toHaveLength(3);
    for (const [i, name] of names.entries()) {
      const { data } = await decodeImage(join(folder, 'bottle', 'train', 'good', name));
      expect(Buffer.compare(data, pictures[i] as Uint8Array)).toBe(0);
    }
    const lines = (await readFile(join(folder, 'bottle', 'collected.jsonl'), 'utf8')).trim().split('\n');
    const line = JSON.parse(lines[0] as string);
    expect(Math.abs(Date.parse(line.capturedAt) - Date.now())).toBeLessThan(60_000);
    expect(line).toMatchObject({
      file: names[0],
      device: 'jetson7',
      frame: { format: 'RGB24', width: SIDE, height: SIDE, sequence: 0 },
    });
  });

  it('skips what it has already, and what is blurred', async () => {
    const sharpOnes = await Promise.all([5, 7, 9, 11, 13, 15].map((pitch) => stripes(pitch)));
    const noisy = (sharpOnes[0] as Uint8Array).map((v, i) => v + (i % 2));
    const { progress } = await collected([...sharpOnes, noisy, await stripes(12, 3), await stripes(12)]);
    expect(progress).toEqual({ kept: 7, rejected: { duplicate: 1, blurred: 1 } });
  });

  it('stops when there are enough, and goes on where it was stopped', async () => {
    const pictures = await Promise.all([5, 7, 9, 11, 13].map((pitch) => stripes(pitch)));
    expect((await collected(pictures, { count: 2 })).progress.kept).toBe(2);
    const again = await collected(pictures, { count: 4 });
    expect(again.progress).toEqual({ kept: 4, rejected: { duplicate: 2, blurred: 0 } });
    expect((await collected(pictures, { count: 4 })).seen).toEqual([]);
  });

  it('clears away what a power cut left, and minds no foreign file', async () => {
    const good = join(folder, 'bottle', 'train', 'good');
    await mkdir(good, { recursive: true });
    await writeFile(join(good, 'half.png.part'), 'half');
    await writeFile(join(good, 'broken.png'), 'no image');
    await appendFile(join(good, 'notes.txt'), 'x');
    expect((await collected([await stripes(7)])).progress.kept).toBe(2);
    expect((await images()).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('stops at its quota, and says what is there and what to do', async () => {
    const pictures = await Promise.all([5, 7, 9, 11].map((pitch) => stripes(pitch)));
    await expect(collected(pictures, {}, 900)).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringMatching(/bottle holds .* images, its quota is .*--quota/),
    });
    expect((await images()).every((name) => name.endsWith('.png'))).toBe(true);
  });

  it('a folder that cannot be is named', async () => {
    await writeFile(join(folder, 'bottle'), 'a file');
    await expect(collected([])).rejects.toThrow(/bottle.*cannot be written/);
  });

  it('tells of faults and goes on', async () => {
    const picture = await stripes(7);
    const camera: Camera = {
      ...cameraOf([]),
      async *frames() {
        yield { fault: 'a wink' };
        yield { format: 'RGB24', width: SIDE, height: SIDE, data: picture, sequence: 0, capturedMs: 0 };
      },
    };
    const { seen, progress } = await collected([], { camera });
    expect(seen[0]?.fault).toBe('a wink');
    expect(progress.kept).toBe(1);
  });
});
