import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/products.js';
import { decodeMask } from './mask.js';
import { partOf } from './reference.js';

describe('a mask', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  const write = async (name: string, image: Sharp) => {
    const file = join(folder.path, name);
    await image.toFile(file);
    return file;
  };
  const marked = async (mask: string) => {
    const { width, height, data } = await decodeMask(mask);
    expect(data.length).toBe(width * height * 3);
    return Array.from({ length: width * height }, (_, i) => (data[3 * i] === 255 ? '#' : '.')).join('');
  };
  const image = (data: Uint8Array | Uint16Array, channels: 1 | 2 | 3) =>
    sharp(data, { raw: { width: data.length / channels, height: 1, channels, depth: depthOf(data) } as never });
  const depthOf = (data: Uint8Array | Uint16Array) => (data instanceof Uint16Array ? 'ushort' : 'uchar');

  const SMALL = [0, 1, 2, 255];

  it('is marked where it is not black, in 8 bits and in 16, whatever the number', async () => {
    const deep = image(Uint16Array.from([...SMALL, 256, 65535]), 1)
      .toColourspace('grey16')
      .png();
    expect(await marked(await write('16.png', deep))).toBe('.#####');
    const withAlpha = image(Uint16Array.from(SMALL.flatMap((value) => [value, 0])), 2)
      .toColourspace('grey16')
      .png();
    expect(await marked(await write('16-alpha.png', withAlpha))).toBe('.###');
    const deepTiff = image(Uint16Array.from(SMALL), 1).toColourspace('grey16').tiff({ compression: 'lzw' });
    expect(await marked(await write('16.tif', deepTiff))).toBe('.###');
    const shallow = image(Uint8Array.from(SMALL), 1).toColourspace('b-w').png();
    expect(await marked(await write('8.png', shallow))).toBe('.###');
  });

  it('may be of 1 bit or have a palette', async () => {
    const bits = join(folder.path, '1-bit.png');
    await writeFile(bits, onePixelABit(4, 0b0110_0000));
    expect(await marked(bits)).toBe('.##.');
    const tiff = image(Uint8Array.from([0, 255, 255, 0]), 1)
      .toColourspace('b-w')
      .tiff({ bitdepth: 1 });
    expect(await marked(await write('1-bit.tif', tiff))).toBe('.##.');
    const colours = image(Uint8Array.from([0, 0, 0, 200, 200, 200, 1, 1, 1]), 3).png({ palette: true, dither: 0 });
    expect(await marked(await write('palette.png', colours))).toBe('.##');
  });

  it('may be a part of a file', async () => {
    const deep = await write(
      'part.png',
      image(Uint16Array.from([0, 7, 0, 7]), 1)
        .toColourspace('grey16')
        .png(),
    );
    expect(await marked(partOf(deep, { x: 50, y: 0, width: 50, height: 100 }))).toBe('.#');
  });
});

/** A PNG of one row of at most eight grey pixels of one bit, which sharp does not write. */
function onePixelABit(width: number, bits: number): Buffer {
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, 1, 1, 0, 0, 0, 0]);
  const chunk = (type: string, data: Uint8Array) => {
    const content = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, check]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const pixels = deflateSync(Buffer.from([0, bits]));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}
