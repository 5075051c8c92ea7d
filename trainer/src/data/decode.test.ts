import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/products.js';
import { decodeImage } from './decode.js';
import { ImageLoader } from './loader.js';
import { partOf } from './reference.js';

describe('decoding an image', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  const write = async (name: string, content: Uint8Array | string) => {
    const file = join(folder.path, name);
    await writeFile(file, content);
    return file;
  };
  const plain = (width: number, height: number, background = '#c86432') =>
    sharp({ create: { width, height, channels: 3, background } });
  const pixel = async (file: string) => {
    const { width, height, data } = await decodeImage(file);
    expect(data.length).toBe(width * height * 3);
    return [...data.subarray(0, 3)];
  };
  const near = (actual: number[], expected: number[], by: number) => {
    for (const [c, value] of expected.entries())
      expect(Math.abs((actual[c] as number) - value)).toBeLessThanOrEqual(by);
  };

  it('gives RGB of grey, alpha, 16-bit and CMYK images', async () => {
    const grey = await plain(8, 8, '#808080').greyscale().png().toBuffer();
    expect(await pixel(await write('grey.png', grey))).toEqual([128, 128, 128]);
    const alpha = sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 200, g: 100, b: 50, alpha: 0.5 } },
    });
    expect(await pixel(await write('alpha.png', await alpha.png().toBuffer()))).toEqual([200, 100, 50]);
    const deep = await plain(8, 8).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    near(await pixel(await write('deep.png', deep)), [200, 100, 50], 1);
    const deepGrey = await plain(8, 8, '#808080').toColourspace('grey16').png().toBuffer();
    expect((await sharp(deepGrey).metadata()).depth).toBe('ushort');
    near(await pixel(await write('deep-grey.png', deepGrey)), [128, 128, 128], 1);
    // A colour that inks can print.
    const cmyk = await plain(8, 8, '#8c7864').toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).channels).toBe(4);
    near(await pixel(await write('cmyk.jpg', cmyk)), [140, 120, 100], 10);
  });

  it('loads images of 1x1 and of 20,000 pixels a side', async () => {
    const dot = await write('dot.png', await plain(1, 1).png().toBuffer());
    const belt = await write('belt.png', await plain(20_000, 40).png().toBuffer());
    const loader = new ImageLoader(32);
    for (const file of [dot, belt]) {
      const pixels = await loader.load(file);
      expect(pixels.length).toBe(32 * 32 * 3);
      expect([...pixels.subarray(0, 3)]).toEqual([200, 100, 50]);
    }
    await loader.close();
  });

  it('refuses more pixels than fit in memory before it decodes them', async () => {
    const huge = await write('huge.png', await plain(20_000, 40).png().toBuffer());
    await expect(decodeImage(huge, 500_000)).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      message: expect.stringMatching(
        /huge\.png has more than 0\.5 million pixels: crop it to the product, or scale it down/,
      ),
    });
  });

  it('gives the part of an image that a media fragment names', async () => {
    const left = Uint8Array.from({ length: 10 * 2 * 3 }, (_, i) => Math.floor(i / 3) % 10);
    const raw = { width: 10, height: 2, channels: 3 } as const;
    const file = await write('views.png', await sharp(left, { raw }).png().toBuffer());
    const { width, height, data } = await decodeImage(partOf(file, { x: 40, y: 50, width: 20, height: 50 }));
    expect([width, height, ...data]).toEqual([2, 1, 4, 4, 4, 5, 5, 5]);
  });

  it('names a truncated file, one that is no image, and one that is not there', async () => {
    const { data } = await sharp({
      create: { width: 64, height: 64, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 30 } } as never,
    })
      .jpeg()
      .toBuffer({ resolveWithObject: true });
    const truncated = await write('truncated.jpg', data.subarray(0, data.length / 2));
    const text = await write('text.png', 'a text');
    const empty = await write('empty.png', '');
    const bitmap = await write('text.bmp', 'BM, a text that is no picture');
    for (const file of [truncated, text, empty, bitmap, join(folder.path, 'absent.png')]) {
      await expect(decodeImage(file), file).rejects.toMatchObject({
        code: 'IMAGE_UNREADABLE',
        message: expect.stringContaining(`${file} cannot be decoded`),
      });
    }
  });
});
