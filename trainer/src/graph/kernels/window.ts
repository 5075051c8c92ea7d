import { tf } from '../tfjs.js';

type Pair = readonly [number, number];

/** Attributes that tfjs's convolution and pooling kernels share. */
export interface WindowAttributes {
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dataFormat?: 'NHWC' | 'NCHW';
}

/** A window sliding over an image: all numbers that convolutions, poolings and their gradients need. */
export interface Window {
  readonly batch: number;
  readonly input: Pair;
  readonly inputChannels: number;
  readonly output: Pair;
  readonly outputChannels: number;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Padding in ONNX order: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

type Shape4D = [number, number, number, number];

/** The window of a convolution over `image` [N,H,W,C] with `filter` [H,W,I,O]. */
export function convWindow(
  image: readonly number[],
  filter: readonly number[],
  attributes: WindowAttributes,
  depthwise = false,
): Window {
  return windowOf(
    tf.backend_util.computeConv2DInfo(
      image as Shape4D,
      filter as Shape4D,
      attributes.strides,
      attributes.dilations ?? 1,
      attributes.pad,
      attributes.dimRoundingMode,
      depthwise,
      attributes.dataFormat === 'NCHW' ? 'channelsFirst' : 'channelsLast',
    ),
  );
}

/** The window of a pooling over `image` [N,H,W,C]. */
export function poolWindow(
  image: readonly number[],
  attributes: WindowAttributes & { readonly filterSize: number | [number, number] },
): Window {
  return windowOf(
    tf.backend_util.computePool2DInfo(
      image as Shape4D,
      attributes.filterSize,
      attributes.strides,
      1,
      attributes.pad as Parameters<typeof tf.backend_util.computePool2DInfo>[4],
      attributes.dimRoundingMode,
    ),
  );
}

/** How many rows and columns of the padded input, counted from below and from the right, no window reaches: ConvTranspose's `output_padding`. */
export function unreached({ input, output, kernel, strides, dilations, pads }: Window): Pair {
  const along = (axis: 0 | 1) => {
    const reach = (output[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
    return input[axis] + pads[axis] + pads[axis === 0 ? 2 : 3] - reach;
  };
  return [along(0), along(1)];
}

function windowOf(info: ReturnType<typeof tf.backend_util.computeConv2DInfo>): Window {
  return {
    batch: info.batchSize,
    input: [info.inHeight, info.inWidth],
    inputChannels: info.inChannels,
    output: [info.outHeight, info.outWidth],
    outputChannels: info.outChannels,
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [info.padInfo.top, info.padInfo.left, info.padInfo.bottom, info.padInfo.right],
  };
}
