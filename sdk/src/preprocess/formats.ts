import { BeltsightError } from '../errors.js';

/**
 * Formats of uncompressed frames, by the names that Video4Linux2 gives them (linux/videodev2.h). RGB24, BGR24: 3 bytes a pixel; BGRx: blue,
 * green, red and a byte without meaning; GREY: 1 byte; Y10, Y12, Y16: 2 bytes, little-endian, of which the lowest 10, 12 or 16 bits
 * count; YUYV, UYVY: 4:2:2, two pixels in 4 bytes; NV12, NV21, YU12: 4:2:0, a luma plane and half as many rows of chroma (NV12: Cb and Cr
 * in turn, NV21: Cr and Cb, YU12: a plane of Cb and one of Cr, rows half as long).
 */
export const PIXEL_FORMATS = [
  'RGB24',
  'BGR24',
  'BGRx',
  'GREY',
  'Y10',
  'Y12',
  'Y16',
  'YUYV',
  'UYVY',
  'NV12',
  'NV21',
  'YU12',
] as const;
export type PixelFormat = (typeof PIXEL_FORMATS)[number];

/** How luma and chroma become red, green and blue. */
export interface Colorimetry {
  /** ITU-R BT.601 (standard definition, most USB cameras) or BT.709 (high definition). */
  readonly matrix: 'bt601' | 'bt709';
  /** Whether black is 0 and white 255 (`full`), or 16 and 235 (`limited`). */
  readonly range: 'limited' | 'full';
}

/** Bytes of a pixel in a row, and what the sides must be multiples of. */
const LAYOUTS: Readonly<Record<PixelFormat, { bytes: number; across: 1 | 2; down: 1 | 2 }>> = {
  RGB24: { bytes: 3, across: 1, down: 1 },
  BGR24: { bytes: 3, across: 1, down: 1 },
  BGRx: { bytes: 4, across: 1, down: 1 },
  GREY: { bytes: 1, across: 1, down: 1 },
  Y10: { bytes: 2, across: 1, down: 1 },
  Y12: { bytes: 2, across: 1, down: 1 },
  Y16: { bytes: 2, across: 1, down: 1 },
  YUYV: { bytes: 2, across: 2, down: 1 },
  UYVY: { bytes: 2, across: 2, down: 1 },
  NV12: { bytes: 1, across: 2, down: 2 },
  NV21: { bytes: 1, across: 2, down: 2 },
  YU12: { bytes: 1, across: 2, down: 2 },
};

/** Pixels that share one chroma sample: [across, down]. */
export function subsampling(format: PixelFormat): readonly [1 | 2, 1 | 2] {
  const { across, down } = LAYOUTS[format];
  return [across, down];
}

/** What a frame is: format and size in pixels, and bytes from one row to the next where rows are padded. */
export interface FrameLayout {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  /** Bytes a row; default: as many as its pixels need. Rows of YU12's chroma planes have half as many. */
  readonly stride?: number | undefined;
}

/**
 * Rows and bytes a row of a frame, chroma rows of 4:2:0 formats included.
 * @throws BeltsightError ARGUMENT_INVALID if the format cannot have such a size or stride
 */
export function frameShape({ format, width, height, stride }: FrameLayout): readonly [rows: number, stride: number] {
  const { bytes, across, down } = LAYOUTS[format];
  const problem = (what: string) =>
    new BeltsightError('ARGUMENT_INVALID', `A ${width}x${height} ${format} frame ${what}.`);
  if (![width, height].every((side) => Number.isInteger(side) && side > 0)) throw problem('has no pixels');
  if (width % across !== 0 || height % down !== 0) {
    throw problem(`cannot be: ${down === 2 ? 'both sides must be even' : 'its width must be even'}`);
  }
  const row = stride ?? width * bytes;
  if (!Number.isInteger(row) || row < width * bytes || (down === 2 && row % 2 !== 0)) {
    throw problem(`needs at least ${width * bytes} bytes a row${down === 2 ? ', an even number' : ''}, not ${row}`);
  }
  return [down === 2 ? (height * 3) / 2 : height, row];
}
