import { tf } from '../../graph/tfjs.js';

export interface ConvolutionOptions {
  readonly stride?: number;
  /** Rows and columns of zeros on every side, as in PyTorch. */
  readonly padding?: number;
  readonly bias?: tf.Tensor | undefined;
}

/** Convolution of [N,H,W,I] with a filter [kh,kw,I,O]. */
export function conv2d(x: tf.Tensor4D, filter: tf.Tensor, options: ConvolutionOptions = {}): tf.Tensor4D {
  const { stride = 1, padding = 0, bias } = options;
  const pad: [[number, number], [number, number], [number, number], [number, number]] = [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ];
  const y = tf.conv2d(x, filter as tf.Tensor4D, stride, padding === 0 ? 'valid' : pad);
  return bias === undefined ? y : y.add(bias);
}

/** Transposed convolution with kernel = stride: doubles (for stride 2) height and width. Filter [s,s,O,I]. */
export function convTranspose2d(x: tf.Tensor4D, filter: tf.Tensor, stride: number): tf.Tensor4D {
  const [batch, height, width] = x.shape;
  const channels = filter.shape[2] as number;
  return tf.conv2dTranspose(
    x,
    filter as tf.Tensor4D,
    [batch, height * stride, width * stride, channels],
    stride,
    'valid',
  );
}

/** Max pooling 3x3, stride 2, one row and column of padding on every side (the stem of a ResNet). */
export function maxPool3x3(x: tf.Tensor4D): tf.Tensor4D {
  const pad: [[number, number], [number, number], [number, number], [number, number]] = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  return tf.maxPool(x, 3, 2, pad as unknown as number);
}

/** Mean over height and width: [N,H,W,C] -> [N,C]. */
export function globalAveragePool(x: tf.Tensor4D): tf.Tensor2D {
  return tf.mean(x, [1, 2]);
}
