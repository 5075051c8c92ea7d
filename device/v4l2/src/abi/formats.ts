/** Rows of one colour plane: bytes a sample column takes, and how it is subsampled against the picture. */
interface PlaneShape {
  /** Bytes of one column of this plane. */
  readonly bytes: number;
  /** Picture columns and rows to one of this plane. */
  readonly across: number;
  readonly down: number;
}

interface FormatShape {
  /** Four-character codes (V4L2_PIX_FMT_*) with this layout; those in `separate` keep each colour plane in memory of its own. */
  readonly fourccs: readonly string[];
  readonly separate: readonly string[];
  /** Colour planes in the order they lie in; none where the data are compressed. */
  readonly planes: readonly PlaneShape[];
}

const plane = (bytes: number, across = 1, down = 1): PlaneShape => ({ bytes, across, down });
const packed = (bytes: number, ...fourccs: string[]): FormatShape => ({
  fourccs,
  separate: [],
  planes: [plane(bytes)],
});

/** Pixel formats that the package reads (V4L2_PIX_FMT_* of linux/videodev2.h), and how they lie in memory. */
const FORMATS = {
  YUYV: packed(2, 'YUYV'),
  UYVY: packed(2, 'UYVY'),
  NV12: { fourccs: ['NV12', 'NM12'], separate: ['NM12'], planes: [plane(1), plane(2, 2, 2)] },
  NV21: { fourccs: ['NV21', 'NM21'], separate: ['NM21'], planes: [plane(1), plane(2, 2, 2)] },
  YU12: { fourccs: ['YU12', 'YM12'], separate: ['YM12'], planes: [plane(1), plane(1, 2, 2), plane(1, 2, 2)] },
  GREY: packed(1, 'GREY'),
  Y10: packed(2, 'Y10 '),
  Y12: packed(2, 'Y12 '),
  Y16: packed(2, 'Y16 '),
  RGB24: packed(3, 'RGB3'),
  BGR24: packed(3, 'BGR3'),
  /** V4L2_PIX_FMT_XBGR32: bytes B, G, R and one without meaning. */
  BGRx: packed(4, 'XR24'),
  MJPG: { fourccs: ['MJPG', 'JPEG'], separate: [], planes: [] },
} as const satisfies Record<string, FormatShape>;

/**
 * Names of pixel formats. Y10, Y12 and Y16 are 16-bit little-endian words; BGRx is V4L2_PIX_FMT_XBGR32; MJPG is one JPEG a frame.
 */
export type PixelFormat = keyof typeof FORMATS;

export const PIXEL_FORMATS = Object.keys(FORMATS) as PixelFormat[];

/** Where one colour plane lies in a frame. */
export interface PlaneLayout {
  /** Bytes from one row to the next, as the driver says. */
  readonly stride: number;
  readonly rows: number;
  /** First byte in the frame's data, in which planes follow each other without a gap. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Bit 31 of a code marks samples of more than 8 bits as big-endian (v4l2_fourcc_be() of linux/videodev2.h). */
const BIG_ENDIAN = 2 ** 31;
const BIG_ENDIAN_SUFFIX = '-BE';

/** v4l2_fourcc() of linux/videodev2.h, and v4l2_fourcc_be() for a text that ends in `-BE`. */
export function fourccOf(text: string): number {
  const big = text.endsWith(BIG_ENDIAN_SUFFIX);
  const characters = [...(big ? text.slice(0, -BIG_ENDIAN_SUFFIX.length) : text).padEnd(4)];
  return characters.reduce((code, character, i) => code + character.charCodeAt(0) * 2 ** (8 * i), big ? BIG_ENDIAN : 0);
}

/** The four characters of a code, with `-BE` behind them where it stands for big-endian samples. */
export function fourccText(code: number): string {
  const characters = String.fromCharCode(...[0, 8, 16, 24].map((shift) => (code >>> shift) & 0x7f));
  return code >= BIG_ENDIAN ? characters + BIG_ENDIAN_SUFFIX : characters;
}

/** The format with a four-character code, if the package reads it. */
export function pixelFormatOf(fourcc: string): PixelFormat | undefined {
  return PIXEL_FORMATS.find((name) => shapeOf(name).fourccs.includes(fourcc));
}

/** Whether a four-character code stands for this format. */
export function isFourccOf(fourcc: string, format: PixelFormat): boolean {
  return shapeOf(format).fourccs.includes(fourcc);
}

/**
 * Colour planes of a frame, from the geometry that the driver answered with.
 * @param strides bytesperline of each memory plane; 0 stands for rows without padding. Planes that share one memory plane share its
 * stride in proportion to their columns, as the kernel's documentation of planar formats has it.
 */
export function planesOf(
  format: PixelFormat,
  fourcc: string,
  width: number,
  height: number,
  strides: readonly number[],
): PlaneLayout[] {
  const { planes, separate } = shapeOf(format);
  const first = planes[0];
  let offset = 0;
  return planes.map(({ bytes, across, down }, i) => {
    const least = Math.ceil(width / across) * bytes;
    const shared = first ? Math.floor(((strides[0] ?? 0) * bytes) / (first.bytes * across)) : 0;
    const stride = Math.max(separate.includes(fourcc) ? (strides[i] ?? 0) : shared, least);
    const rows = Math.ceil(height / down);
    const layout = { stride, rows, offset, sizeBytes: stride * rows };
    offset += layout.sizeBytes;
    return layout;
  });
}

const shapeOf = (format: PixelFormat): FormatShape => FORMATS[format];
