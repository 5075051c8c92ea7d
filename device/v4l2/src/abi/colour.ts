/** Colour description and field order, by the names of linux/videodev2.h in lower case; their place is their number there. */

/** enum v4l2_colorspace */
const SPACES = [
  'default',
  'smpte170m',
  'smpte240m',
  'rec709',
  'bt878',
  '470-system-m',
  '470-system-bg',
  'jpeg',
  'srgb',
  'oprgb',
  'bt2020',
  'raw',
  'dci-p3',
] as const;
/** enum v4l2_ycbcr_encoding */
const ENCODINGS = [
  'default',
  '601',
  '709',
  'xv601',
  'xv709',
  'sycc',
  'bt2020',
  'bt2020-const-lum',
  'smpte240m',
] as const;
/** enum v4l2_quantization */
const RANGES = ['default', 'full-range', 'lim-range'] as const;
/** enum v4l2_xfer_func */
const TRANSFERS = ['default', '709', 'srgb', 'oprgb', 'smpte240m', 'none', 'dci-p3', 'smpte2084'] as const;
/** enum v4l2_field */
const FIELDS = [
  'any',
  'none',
  'top',
  'bottom',
  'interlaced',
  'seq-tb',
  'seq-bt',
  'alternate',
  'interlaced-tb',
  'interlaced-bt',
] as const;

/** How the driver says that colours are coded. A number that this package has no name for reads as `unknown`. */
export interface Colour {
  readonly space: (typeof SPACES)[number] | 'unknown';
  readonly encoding: (typeof ENCODINGS)[number] | 'unknown';
  readonly quantisation: (typeof RANGES)[number] | 'unknown';
  readonly transfer: (typeof TRANSFERS)[number] | 'unknown';
}

/** Order of the two fields of interlaced video; `none` is progressive. */
export type FieldOrder = (typeof FIELDS)[number] | 'unknown';

export function colourOf(space: number, encoding: number, quantisation: number, transfer: number): Colour {
  return {
    space: SPACES[space] ?? 'unknown',
    encoding: ENCODINGS[encoding] ?? 'unknown',
    quantisation: RANGES[quantisation] ?? 'unknown',
    transfer: TRANSFERS[transfer] ?? 'unknown',
  };
}

export function fieldOf(field: number): FieldOrder {
  return FIELDS[field] ?? 'unknown';
}
