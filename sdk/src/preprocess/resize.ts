import type { TensorValue } from '../onnx/tensor.js';

/** PIL computes on 8-bit images with coefficients of 22 bits; rounding them alike reproduces its ties. */
const FIXED_POINT = 2 ** 22;

/**
 * Antialiased bilinear resampling of `from` samples to `to` as PIL does it (Image.resize, BILINEAR): a triangle as wide as
 * one target sample, at least one source sample, cut at the borders and normalised. Row-major [to, from].
 */
export function resizeMatrix(from: number, to: number): TensorValue {
  const scale = from / to;
  const support = Math.max(1, scale);
  const data = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const centre = (row + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const last = Math.min(from, Math.floor(centre + support + 0.5));
    const weights = Array.from({ length: last - first }, (_, i) =>
      Math.max(0, 1 - Math.abs((first + i + 0.5 - centre) / support)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, i) => {
      data[row * from + first + i] = Math.round((weight / total) * FIXED_POINT) / FIXED_POINT;
    });
  }
  return { type: 'float32', dims: [to, from], data };
}

/** Bits of a coefficient that go into the coarse part: times an 8-bit pixel and summed they fit float32's 24 bits. */
const COARSE = 2 ** 12;

/**
 * A resize matrix as the sum of a coarse and a fine one. Products with 8-bit pixels are exact in float32 for each,
 * which they are not for the sum, and a result that ends in .5 must not depend on the order of a summation.
 */
export function splitMatrix({ dims, data }: TensorValue): { coarse: TensorValue; fine: TensorValue } {
  const coarse = Float32Array.from(data as Float32Array, (value) => Math.floor(value * COARSE) / COARSE);
  const fine = Float32Array.from(data as Float32Array, (value, i) => value - (coarse[i] as number));
  return { coarse: { type: 'float32', dims, data: coarse }, fine: { type: 'float32', dims, data: fine } };
}

/** A constant matrix transposed. */
export function transposed({ dims, data }: TensorValue): TensorValue {
  const [rows = 0, columns = 0] = dims;
  const result = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j] as number;
  }
  return { type: 'float32', dims: [columns, rows], data: result };
}
