import { undecodable } from '@beltsight/sdk';
import sharp from 'sharp';
import type { Picture } from './frame.js';

/** Images beyond this are refused: 12,000 x 12,000 pixels decode to 432 MB. */
const MAX_PIXELS = 144_000_000;

/** A format that trainers read and devices do not: sharp has no reader for it. */
const BITMAP = /\.bmp$/i;

/**
 * Decodes an image (a file or its bytes) to 8-bit RGB as the trainer does: EXIF orientation applied, transparency dropped, grey
 * repeated, 16-bit scaled, CMYK converted.
 * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file
 */
export async function decodeImage(image: string | Uint8Array, name?: string): Promise<Picture> {
  const what = name ?? (typeof image === 'string' ? image : 'The image');
  try {
    const { data, info } = await sharp(image, { failOn: 'error', limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { format: 'RGB24', width: info.width, height: info.height, data: threeChannels(data, info.channels) };
  } catch (cause) {
    const why = BITMAP.test(what)
      ? 'a device reads no BMP; convert it to PNG, which loses nothing'
      : 'it is damaged, no image, or not there';
    throw undecodable(what, cause, MAX_PIXELS, why);
  }
}

/** Grey (with or without alpha) repeated to RGB. */
function threeChannels(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const result = new Uint8Array((data.length / channels) * 3);
  for (let pixel = 0; pixel < data.length / channels; pixel++) {
    for (let c = 0; c < 3; c++) result[pixel * 3 + c] = data[pixel * channels + (channels < 3 ? 0 : c)] as number;
  }
  return result;
}
