import { BeltsightError } from '@beltsight/sdk';
import sharp from 'sharp';

/** 8-bit RGB pixels, row-major: [height, width, 3]. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Images beyond this are refused: 12,000 x 12,000 pixels decode to 432 MB. */
const MAX_PIXELS = 144_000_000;

/**
 * Decodes an image file to 8-bit RGB: EXIF orientation applied, transparency dropped, grey repeated, 16-bit scaled, CMYK
 * converted.
 * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file
 */
export async function decodeImage(file: string, maxPixels = MAX_PIXELS): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(file, { failOn: 'error', limitInputPixels: maxPixels })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: rgb(data, info.channels) };
  } catch (cause) {
    const { message } = cause as Error;
    if (/pixel limit/i.test(message)) {
      throw new BeltsightError(
        'IMAGE_TOO_LARGE',
        `${file} has more than ${maxPixels / 1e6} million pixels: crop it to the product, or scale it down.`,
        { cause },
      );
    }
    throw new BeltsightError(
      'IMAGE_UNREADABLE',
      `${file} cannot be decoded (${message.trim()}): the file is damaged or no image; replace or remove it.`,
      { cause },
    );
  }
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
