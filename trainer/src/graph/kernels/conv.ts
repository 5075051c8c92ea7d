import { BeltsightError } from '@beltsight/sdk';
import { type Attribute, int, ints, string } from '@beltsight/sdk/onnx';
import type { Order } from '../recorder/layout.js';
import type { Recording } from '../recorder/recording.js';
import { symbolic, type Value } from '../recorder/value.js';
import { elementwise, NCHW } from './broadcasting.js';
import { type KernelTable, kernel } from './kernel.js';
import { matMul } from './matmul.js';
import { sum } from './reduce.js';
import { concat, pad, reshape, slice, transpose } from './shape.js';
import { convWindow, unreached, type Window, type WindowAttributes } from './window.js';

/** Physical order of a logical [H,W,I,O] filter in ONNX's Conv: OIHW. */
const OIHW = [3, 2, 0, 1];
/** The same filter as the Conv of a gradient wants it: input and output channels exchanged. */
const IOHW = [2, 3, 0, 1];

function requireChannelsLast({ dataFormat }: WindowAttributes): void {
  if (dataFormat === 'NCHW') {
    throw new BeltsightError(
      'KERNEL_UNSUPPORTED',
      'A convolution with dataFormat NCHW cannot be recorded: write it for NHWC, the recorder chooses the storage.',
    );
  }
}

function attributesOf(window: Window): Record<string, Attribute> {
  return {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    pads: ints(window.pads),
    dilations: ints(window.dilations),
  };
}

/** Image [N,H,W,C] under an ONNX name, stored as NCHW. */
export function channelsFirst(recording: Recording, x: Value): string {
  return recording.form(recording.dense(x), NCHW);
}

function conv(r: Recording, x: Value, filter: Value, window: Window): Value {
  const name = r.emit('Conv', [channelsFirst(r, x), r.form(r.dense(filter), OIHW)], attributesOf(window));
  return image(window.batch, window.output, window.outputChannels, name);
}

function image(batch: number, [height, width]: readonly [number, number], channels: number, name: string): Value {
  return symbolic('float32', [batch, height, width, channels], name, NCHW);
}

/**
 * Gradient of a convolution with respect to its input: ConvTranspose, or {@link scattered} on small maps, or for stride 1 on large
 * ones a convolution of dy with the flipped filter. Batch 16, 3x3, two threads, ms of Conv / ConvTranspose: 64 channels on 32x32
 * 5.0/9.7, 128 on 16x16 4.1/6.0, 256 on 8x8 7.2/5.2, 512 on 4x4 6.0/8.5, to which flipping a 512x512 filter adds 4.6.
 */
function convInputGradient(r: Recording, dy: Value, filter: Value, window: Window): Value {
  const { kernel: size, strides, pads, input, output } = window;
  const plain = strides[0] === 1 && strides[1] === 1 && pads.every((p, i) => p < (size[i % 2] as number));
  if (plain && flippingPays(window)) {
    const flipped = slice(r, r.dense(filter), [size[0] - 1, size[1] - 1, 0, 0], filter.shape, [
      size[0] === 1 ? 1 : -1,
      size[1] === 1 ? 1 : -1,
      1,
      1,
    ]);
    const name = r.emit('Conv', [channelsFirst(r, dy), r.form(flipped, IOHW)], {
      kernel_shape: ints(size),
      strides: ints([1, 1]),
      pads: ints(pads.map((p, i) => (size[i % 2] as number) - 1 - p)),
      dilations: ints([1, 1]),
    });
    return image(window.batch, input, window.inputChannels, name);
  }
  if (r.target === 'training' && output[0] * output[1] <= SMALL_MAP) return scattered(r, dy, filter, window);
  const name = r.emit('ConvTranspose', [channelsFirst(r, dy), r.form(r.dense(filter), OIHW)], {
    ...attributesOf(window),
    output_padding: ints(unreached(window)),
  });
  return image(window.batch, input, window.inputChannels, name);
}

/** Up to how many positions a map is small for {@link scattered}. */
const SMALL_MAP = 64;

/**
 * The gradient for small maps: one product of all positions of the batch with the filter as it lies; Col2Im adds each row to the
 * window that it belongs to. ConvTranspose multiplies image by image, and reads the filter for each. Batch 8, one thread, ms of
 * ConvTranspose / this: 512 channels on 4x4 28/14, 256 on 8x8 20/11, 768 from 512 on 4x4 with stride 2 60/20, 128 on 16x16 25/30.
 * CUDA lacks Col2Im.
 */
function scattered(r: Recording, dy: Value, filter: Value, window: Window): Value {
  const { batch, input, inputChannels, output, outputChannels, kernel: size, strides, pads, dilations } = window;
  const positions = output[0] * output[1];
  const columns = inputChannels * size[0] * size[1];
  const gradient = reshape(r, channelsLast(r, dy), [batch * positions, outputChannels]);
  const rows = reshape(r, transpose(r.dense(filter), OIHW), [outputChannels, columns]);
  const product = matMul(r, gradient, rows, false, false);
  const seen = r.form(reshape(r, product, [batch, positions, columns]), [0, 2, 1]);
  const name = r.emit('Col2Im', [seen, r.ints(input), r.ints(size)], {
    strides: ints(strides),
    pads: ints(pads),
    dilations: ints(dilations),
  });
  return image(batch, input, inputChannels, name);
}

/** Whether a map is so large that the faster convolution is worth rearranging its filter. */
function flippingPays({ batch, output, inputChannels, outputChannels }: Window): boolean {
  return batch * output[0] * output[1] >= 8 * Math.max(inputChannels, outputChannels);
}

/** The part of padded `x` that filter tap (row, column) sees: [N, output height, output width, C]. */
function tap(r: Recording, padded: Value, window: Window, row: number, column: number): Value {
  const [batch, , , channels] = padded.shape as [number, number, number, number];
  return slice(
    r,
    padded,
    [0, row * window.dilations[0], column * window.dilations[1], 0],
    [batch, ...window.output, channels],
    [1, ...window.strides, 1],
  );
}

function padImage(r: Recording, x: Value, { pads: [top, left, bottom, right] }: Window): Value {
  return pad(r, x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
}

function taps<T>({ kernel: [height, width] }: Window, each: (row: number, column: number) => T): T[] {
  return Array.from({ length: height * width }, (_, i) => each(Math.floor(i / width), i % width));
}

/**
 * Gradient of a convolution with respect to its filter: a matrix product per tap on shifted slices of the input (47-191
 * GFLOP/s measured, against 13-96 for one Conv with exchanged operands). The products [O,I] are stacked and transposed as
 * one matrix into OIHW (1.5 ms for 512x512x3x3; a general transposition of the stack took 21).
 */
function convFilterGradient(r: Recording, x: Value, dy: Value, window: Window): Value {
  const { inputChannels, outputChannels, kernel: size } = window;
  const large = r.training && window.output[0] * window.output[1] >= LARGE_MAP;
  const products = large ? productsPerImage(r, x, dy, window) : productsOverBatch(r, x, dy, window);
  const rows = products.map((product) => reshape(r, product, [1, outputChannels * inputChannels]));
  const stack = concat(r, rows, 0);
  const flat = r.form(stack, [0, 1]);
  // An Einsum, because ONNX Runtime turns a Transpose here into one of four axes, which takes four times as long.
  const turned = rows.length === 1 ? flat : r.emit('Einsum', [flat], { equation: string('ij->ji') });
  const dims = rows.length === 1 ? stack.shape : [...stack.shape].reverse();
  const name = r.reshape(turned, dims, [outputChannels, inputChannels, ...size]);
  return symbolic('float32', [...size, inputChannels, outputChannels], name, OIHW);
}

/**
 * From how many positions a map is multiplied image by image as it lies, instead of transposed to channels last and
 * multiplied for the whole batch: 64 channels on 32x32 take 23 instead of 36 ms, on 64x64 59 instead of 145, 256 on 8x8
 * 42 instead of 15 (batch 16, two threads of a busy machine, transpositions included).
 */
const LARGE_MAP = 512;

/** Per tap dy^T x over all positions of all images: [O,I]. */
function productsOverBatch(r: Recording, x: Value, dy: Value, window: Window): Value[] {
  const { batch, output, inputChannels, outputChannels } = window;
  const positions = batch * output[0] * output[1];
  const padded = padImage(r, channelsLast(r, x), window);
  const gradient = reshape(r, channelsLast(r, dy), [positions, outputChannels]);
  return taps(window, (row, column) => {
    const seen = reshape(r, tap(r, padded, window, row, column), [positions, inputChannels]);
    return matMul(r, gradient, seen, true, false);
  });
}

/** Per tap the sum over images of dy x^T, channels first: [O,I]. */
function productsPerImage(r: Recording, x: Value, dy: Value, window: Window): Value[] {
  const { batch, output, inputChannels, outputChannels } = window;
  const positions = output[0] * output[1];
  const planes = (image: Value, channels: number) => reshape(r, transpose(image, NCHW), [batch, channels, positions]);
  const padded = padImage(r, stored(r, x, NCHW), window);
  const gradient = planes(stored(r, dy, NCHW), outputChannels);
  return taps(window, (row, column) => {
    const seen = planes(tap(r, padded, window, row, column), inputChannels);
    return sum(r, matMul(r, gradient, seen, false, true), [0], false);
  });
}

/** `x` as it lies in one order only, so that what follows stays in it. */
function stored(r: Recording, x: Value, order: Order): Value {
  return symbolic(x.dtype, x.shape, r.form(r.dense(x), order), order);
}

/** `x` stored as NHWC, so that channels-last slices of it are plain. */
function channelsLast(r: Recording, x: Value): Value {
  return stored(r, x, [0, 1, 2, 3]);
}

/** A depthwise filter [H,W,C,M] as ONNX wants it: [C*M,1,H,W]. */
function depthwiseFilter(r: Recording, filter: Value): string {
  const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
  return r.form(reshape(r, r.dense(filter), [height, width, 1, channels * multiplier]), OIHW);
}

function depthwise(r: Recording, x: Value, filter: Value, window: Window): Value {
  const name = r.emit('Conv', [channelsFirst(r, x), depthwiseFilter(r, filter)], {
    ...attributesOf(window),
    group: int(window.inputChannels),
  });
  return image(window.batch, window.output, window.outputChannels, name);
}

function depthwiseInputGradient(r: Recording, dy: Value, filter: Value, window: Window): Value {
  const name = r.emit('ConvTranspose', [channelsFirst(r, dy), depthwiseFilter(r, filter)], {
    ...attributesOf(window),
    group: int(window.inputChannels),
    output_padding: ints(unreached(window)),
  });
  return image(window.batch, window.input, window.inputChannels, name);
}

/** Per tap the sum over images and positions of x * dy. */
function depthwiseFilterGradient(r: Recording, x: Value, dy: Value, window: Window): Value {
  const { inputChannels, outputChannels, batch, output, kernel: size } = window;
  const multiplier = outputChannels / inputChannels;
  const padded = padImage(r, r.dense(x), window);
  const gradient = reshape(r, r.dense(dy), [batch, ...output, inputChannels, multiplier]);
  const sums = taps(window, (row, column) => {
    const seen = reshape(r, tap(r, padded, window, row, column), [batch, ...output, inputChannels, 1]);
    const product = elementwise(r, 'float32', [seen, gradient], (names) => r.emit('Mul', names));
    return reshape(r, sum(r, product, [0, 1, 2], false), [1, inputChannels, multiplier]);
  });
  return reshape(r, concat(r, sums, 0), [...size, inputChannels, multiplier]);
}

type Filtered = WindowAttributes & { readonly filterShape: readonly number[] };
type Imaged = WindowAttributes & { readonly inputShape: readonly number[] };

/** tfjs's convolution kernels and their gradients; filters are logical HWIO. */
export const convKernels: KernelTable = {
  Conv2D: kernel<'x' | 'filter', WindowAttributes>((r, { x, filter }, attributes) => {
    requireChannelsLast(attributes);
    return conv(r, x, filter, convWindow(x.shape, filter.shape, attributes));
  }),
  Conv2DBackpropInput: kernel<'dy' | 'filter', Imaged>((r, { dy, filter }, attributes) => {
    requireChannelsLast(attributes);
    return convInputGradient(r, dy, filter, convWindow(attributes.inputShape, filter.shape, attributes));
  }),
  Conv2DBackpropFilter: kernel<'x' | 'dy', Filtered>((r, { x, dy }, attributes) => {
    requireChannelsLast(attributes);
    return convFilterGradient(r, x, dy, convWindow(x.shape, attributes.filterShape, attributes));
  }),
  DepthwiseConv2dNative: kernel<'x' | 'filter', WindowAttributes>((r, { x, filter }, attributes) => {
    requireChannelsLast(attributes);
    return depthwise(r, x, filter, convWindow(x.shape, filter.shape, attributes, true));
  }),
  DepthwiseConv2dNativeBackpropInput: kernel<'dy' | 'filter', Imaged>((r, { dy, filter }, attributes) =>
    depthwiseInputGradient(r, dy, filter, convWindow(attributes.inputShape, filter.shape, attributes, true)),
  ),
  DepthwiseConv2dNativeBackpropFilter: kernel<'x' | 'dy', Filtered>((r, { x, dy }, attributes) =>
    depthwiseFilterGradient(r, x, dy, convWindow(x.shape, attributes.filterShape, attributes, true)),
  ),
};
