/** Largest finite number of IEEE 754 binary16. */
export const LARGEST_HALF = 65_504;

export interface Halves {
  /** Bits of binary16, as float16 constants of a graph hold them. */
  readonly bits: Uint16Array;
  /** Elements beyond the range of binary16, which became its largest number of the same sign. */
  readonly saturated: number;
  /** Elements other than zero that became zero: below half of 2^-24. */
  readonly vanished: number;
}

/** Rounds to half precision: to nearest, ties to even (IEEE 754). What is too large saturates instead of becoming infinite. */
export function halvesOf(values: Float32Array): Halves {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  let [saturated, vanished] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const half = halfBits(values[i] as number, words[i] as number);
    const magnitude = half & 0x7fff;
    if (magnitude === MAX_BITS && Math.abs(values[i] as number) >= OVERFLOW) saturated++;
    if (magnitude === 0 && values[i] !== 0) vanished++;
    bits[i] = half;
  }
  return { bits, saturated, vanished };
}

/** Bits of {@link LARGEST_HALF}. */
const MAX_BITS = 0x7bff;
/** From here on a number rounds beyond {@link LARGEST_HALF}. */
const OVERFLOW = 65_520;
/** Below this, numbers of binary16 are multiples of 2^-24. */
const SMALLEST_NORMAL = 2 ** -14;

function halfBits(value: number, word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (size >= OVERFLOW) return sign | MAX_BITS;
  if (size < SMALLEST_NORMAL) return sign | roundToEven(size * 2 ** 24);
  // 13 bits of the mantissa go; the exponent's bias falls from 127 to 15, that is by 112 << 23.
  const magnitude = word & 0x7fff_ffff;
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x3800_0000) >>> 13);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
