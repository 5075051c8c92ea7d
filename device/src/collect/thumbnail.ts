import sharp, { type Sharp } from 'sharp';
import type { RgbPicture } from '../camera/rgb.js';
import { sharpnessOf } from '../camera/sharpness.js';

/** What is kept of an image to tell whether another is nearly the same, and whether it is sharp. */
export interface Look {
  /** Mean brightness of 16 x 16 parts, 0..255. */
  readonly thumbnail: Uint8Array;
  /** The larger, the sharper. */
  readonly sharpness: number;
}

const THUMBNAIL = 16;
/** Sharpness is measured at this width at most: finer detail is the sensor's noise. */
const MEASURED_WIDTH = 640;

/** Looks at a picture. */
export async function lookAt({ width, height, data }: RgbPicture): Promise<Look> {
  const grey = sharp(data, { raw: { width, height, channels: 3 } }).greyscale();
  const thumbnail = await thumbnailOf(grey.clone());
  const small = grey.resize({ width: MEASURED_WIDTH, withoutEnlargement: true });
  const { data: pixels, info } = await small.raw().toBuffer({ resolveWithObject: true });
  return { thumbnail, sharpness: sharpnessOf(pixels, info.width, info.height) };
}

/** The thumbnail of an image file. @throws what sharp throws at a file that is no image */
export async function thumbnailOfFile(file: string): Promise<Uint8Array> {
  return thumbnailOf(sharp(file).greyscale());
}

async function thumbnailOf(grey: Sharp): Promise<Uint8Array> {
  const pixels = await grey.resize(THUMBNAIL, THUMBNAIL, { fit: 'fill', kernel: 'linear' }).raw().toBuffer();
  return new Uint8Array(pixels.buffer, pixels.byteOffset, THUMBNAIL * THUMBNAIL);
}

/** Mean difference in brightness between two thumbnails, 0..255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length;
}
