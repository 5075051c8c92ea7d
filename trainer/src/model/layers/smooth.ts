import { tf } from '../../graph/tfjs.js';

/** A constant matrix [rows, columns], row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Bilinear interpolation of `from` samples to `to`, corners aligned (PyTorch align_corners = true): [to, from]. */
export function bilinearMatrix(from: number, to: number): Matrix {
  const data = new Float64Array(to * from);
  for (let row = 0; row < to; row++) {
    const position = to === 1 ? 0 : (row * (from - 1)) / (to - 1);
    const left = Math.min(Math.floor(position), from - 1);
    const right = Math.min(left + 1, from - 1);
    const share = position - left;
    data[row * from + left] = (data[row * from + left] as number) + 1 - share;
    data[row * from + right] = (data[row * from + right] as number) + share;
  }
  return { rows: to, columns: from, data };
}

/**
 * Gaussian smoothing of `size` samples with reflected borders (d c b a | a b c d), cut off at `truncate` sigma:
 * what scipy.ndimage.gaussian_filter does. [size, size].
 */
export function gaussianMatrix(size: number, sigma: number, truncate = 4): Matrix {
  const radius = Math.floor(truncate * sigma + 0.5);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const data = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    weights.forEach((weight, i) => {
      const at = row * size + reflect(row + i - radius, size);
      data[at] = (data[at] as number) + weight / total;
    });
  }
  return { rows: size, columns: size, data };
}

/** The sample that a position outside of 0..size-1 mirrors. */
function reflect(position: number, size: number): number {
  const wrapped = ((position % (2 * size)) + 2 * size) % (2 * size);
  return wrapped < size ? wrapped : 2 * size - 1 - wrapped;
}

export function multiply(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k] as number;
      if (factor === 0) continue;
      for (let j = 0; j < b.columns; j++) {
        data[i * b.columns + j] = (data[i * b.columns + j] as number) + factor * (b.data[k * b.columns + j] as number);
      }
    }
  }
  return { rows: a.rows, columns: b.columns, data };
}

/**
 * M X M^T for every image X: [N,h,h] -> [N,S,S] with M [S,h]. Resizing and smoothing are linear and separable, so both
 * are one such product; plain matrix products run well on every provider. Rows are multiplied from the left, columns from the
 * right: transposing the image between them would cost a pass over memory, which no converter removes.
 */
export function applySeparable(x: tf.Tensor3D, matrix: Matrix): tf.Tensor3D {
  const [batch, height, width] = x.shape;
  const { rows, columns } = matrix;
  const left = tf.tensor3d(Float32Array.from(matrix.data), [1, rows, columns]);
  const right = tf.transpose(left.reshape([rows, columns]));
  const wide = tf.matMul(x.reshape([batch * height, width]), right).reshape([batch, height, rows]);
  return tf.matMul(left, wide) as tf.Tensor3D;
}
