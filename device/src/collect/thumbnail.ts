import sharp, { type Sharp } from 'sharp';
import type { RgbPicture } from '../camera/rgb.js';

/** What is kept of an image to tell whether another is nearly the same, and whether it is sharp. */
export interface Look {
  /** Mean brightness of 16 x 16 parts, 0..255. */
  readonly thumbnail: Uint8Array;
  /** Variance of the Laplacian of the image's brightness (Pech-Pacheco et al. 2000): the larger, the sharper. */
  readonly sharpness: number;
}

const THUMBNAIL = 16;
/** Sharpness is measured at this width at most: finer detail is the sensor's noise. */
const MEASURED_WIDTH = 640;

const LAPLACIAN = { width: 3, height: 3, kernel: [0, 1, 0, 1, -4, 1, 0, 1, 0] } as const;

/** Looks at a picture. */
export async function lookAt({ width, height, data }: RgbPicture): Promise<Look> {
  const grey = sharp(data, { raw: { width, height, channels: 3 } }).greyscale();
  const thumbnail = await thumbnailOf(grey.clone());
  // The kernel's results lie around zero and would be cut off there: half of the range is added, a quarter of the slope kept.
  const edges = grey
    .resize({ width: MEASURED_WIDTH, withoutEnlargement: true })
    .convolve({ ...LAPLACIAN, kernel: [...LAPLACIAN.kernel], scale: 4, offset: 128 });
  const [channel] = (await sharp(await edges.png({ compressionLevel: 0 }).toBuffer()).stats()).channels;
  return { thumbnail, sharpness: (channel?.stdev ?? 0) ** 2 };
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
