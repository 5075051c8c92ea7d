import sharp from 'sharp';
import type { RgbPicture } from '../rgb.js';
import { sharpnessOf } from '../sharpness.js';

/** Bars of the histogram. */
const BARS = 64;
/** Brightness within so many levels of black or white counts as lost. */
const LOST = 2;

/** What helps to set focus, aperture and exposure. */
export interface Aids {
  /** Variance of the Laplacian of the brightness: grows with focus; compare only with itself. */
  readonly sharpness: number;
  /** Mean brightness, 0 to 1. */
  readonly brightness: number;
  /** Shares of pixels that are lost in black and in white. */
  readonly dark: number;
  readonly bright: number;
  /** Share of pixels in each of 64 equal ranges of brightness, black first. */
  readonly histogram: readonly number[];
}

export async function aidsOf({ width, height, data }: RgbPicture): Promise<Aids> {
  const grey = await sharp(data, { raw: { width, height, channels: 3 } })
    .greyscale()
    .raw()
    .toBuffer();
  const levels = new Float64Array(256);
  for (const level of grey) levels[level] = (levels[level] as number) + 1 / grey.length;
  const share = (from: number, to: number) => levels.subarray(from, to).reduce((sum, value) => sum + value, 0);
  const perBar = 256 / BARS;
  return {
    sharpness: sharpnessOf(grey, width, height),
    brightness: levels.reduce((sum, value, level) => sum + value * level, 0) / 255,
    dark: share(0, LOST + 1),
    bright: share(255 - LOST, 256),
    histogram: Array.from({ length: BARS }, (_, bar) => share(bar * perBar, (bar + 1) * perBar)),
  };
}
