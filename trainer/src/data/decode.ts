import { readFile } from 'node:fs/promises';
import { undecodable } from '@beltsight/sdk';
import { decode as decodeBmp } from '@cwasm/nsbmp';
import sharp from 'sharp';
import { type Part, parseReference } from './reference.js';

/** 8-bit RGB pixels, row-major: [height, width, 3]. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Images beyond this are refused: 12,000 x 12,000 pixels decode to 432 MB. */
const MAX_PIXELS = 144_000_000;

/**
 * Decodes an image file, or the part of one that the reference names, to 8-bit RGB: EXIF orientation applied, transparency dropped, grey
 * repeated, 16-bit scaled, CMYK converted.
 * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file
 */
export async function decodeImage(reference: string, maxPixels = MAX_PIXELS): Promise<RgbImage> {
  return decodePart(reference, maxPixels, withSharp);
}

/**
 * What of an image is not black, 255 there and 0 elsewhere; otherwise as {@link decodeImage} decodes it. Small numbers in 16 bits count,
 * too, which scaled to 8 are black.
 * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file
 */
export async function decodeMarked(reference: string): Promise<RgbImage> {
  const { width, height, data } = await decodePart(reference, MAX_PIXELS, markedWithSharp);
  return { width, height, data: data.map((value) => (value > 0 ? 255 : 0)) };
}

type Decoder = (file: string, maxPixels: number) => Promise<RgbImage>;

async function decodePart(reference: string, maxPixels: number, decoder: Decoder): Promise<RgbImage> {
  const { file, part } = parseReference(reference);
  const image = await decodeFile(file, maxPixels, decoder);
  return part ? crop(image, part) : image;
}

async function decodeFile(file: string, maxPixels: number, decoder: Decoder): Promise<RgbImage> {
  try {
    // libvips as sharp ships it has no reader for BMP.
    return await (/\.bmp$/i.test(file) ? bmp : decoder)(file, maxPixels);
  } catch (cause) {
    throw undecodable(file, cause, maxPixels, 'the file is damaged or no image; replace or remove it');
  }
}

async function withSharp(file: string, maxPixels: number): Promise<RgbImage> {
  const { data, info } = await sharp(file, { failOn: 'error', limitInputPixels: maxPixels })
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: rgb(data, info.channels) };
}

async function markedWithSharp(file: string, maxPixels: number): Promise<RgbImage> {
  const image = sharp(file, { failOn: 'error', limitInputPixels: maxPixels });
  const { space } = await image.metadata();
  // Not for all: numbers of 32 bits, which TIFF may have, would come out black.
  if (space !== 'grey16' && space !== 'rgb16') return withSharp(file, maxPixels);
  const { data, info } = await image
    .autoOrient()
    .removeAlpha()
    .toColourspace('rgb16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const marked = new Uint8Array(data.length / 2);
  for (let i = 0; i < marked.length; i++) if (data[2 * i] !== 0 || data[2 * i + 1] !== 0) marked[i] = 255;
  return { width: info.width, height: info.height, data: rgb(marked, info.channels) };
}

async function bmp(file: string, maxPixels: number): Promise<RgbImage> {
  const content = await readFile(file);
  // Before it is decoded: width and height of BITMAPINFOHEADER and its successors; a negative height means rows from the top.
  const header = content.length >= 26 ? content.readUInt32LE(14) : 0;
  const pixels = header >= 40 && header <= 124 ? content.readInt32LE(18) * Math.abs(content.readInt32LE(22)) : 0;
  if (pixels > maxPixels) throw new Error('beyond the pixel limit');
  const { width, height, data } = decodeBmp(content);
  return { width, height, data: rgb(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 4) };
}

function crop({ width, height, data }: RgbImage, part: Part): RgbImage {
  const [left, right] = [part.x, part.x + part.width].map((x) => Math.round((x / 100) * width)) as [number, number];
  const [top, bottom] = [part.y, part.y + part.height].map((y) => Math.round((y / 100) * height)) as [number, number];
  const row = (right - left) * 3;
  const result = new Uint8Array(row * (bottom - top));
  for (let y = top; y < bottom; y++) {
    const start = (y * width + left) * 3;
    result.set(data.subarray(start, start + row), (y - top) * row);
  }
  return { width: right - left, height: bottom - top, data: result };
}

function rgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const pixels = data.length / channels;
  const result = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) result[i * 3 + c] = data[i * channels + (channels < 3 ? 0 : c)] as number;
  }
  return result;
}
