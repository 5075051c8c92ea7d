import { type Attribute, int, ints, string } from '@beltsight/sdk/onnx';
import type { Recording } from '../recorder/recording.js';
import { constant, symbolic, uniform, type Value } from '../recorder/value.js';
import { elementwise, NCHW } from './broadcasting.js';
import { channelsFirst } from './conv.js';
import { type KernelTable, kernel } from './kernel.js';
import { poolWindow, unreached, type Window, type WindowAttributes } from './window.js';

type PoolAttributes = WindowAttributes & { readonly filterSize: number | [number, number] };

function attributesOf(window: Window): Record<string, Attribute> {
  return { kernel_shape: ints(window.kernel), strides: ints(window.strides), pads: ints(window.pads) };
}

function pooled(window: Window, name: string): Value {
  return symbolic('float32', [window.batch, ...window.output, window.inputChannels], name, NCHW);
}

function maxPool(r: Recording, x: Value, window: Window): Value {
  return pooled(window, r.emit('MaxPool', [channelsFirst(r, x)], attributesOf(window)));
}

/** Adds every element of dy where its window's maximum was: ONNX's MaxPool says where. */
function maxPoolGradient(r: Recording, dy: Value, x: Value, window: Window): Value {
  const [, where = ''] = r.emitAll('MaxPool', [channelsFirst(r, x)], attributesOf(window), 2);
  const flat = r.emit('Reshape', [where, r.ints([-1])]);
  const gradient = r.emit('Reshape', [channelsFirst(r, dy), r.ints([-1])]);
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const zeros = r.dense(uniform('float32', [batch * height * width * channels], 0));
  const sum = r.emit('ScatterElements', [r.form(zeros, [0]), flat, gradient], { reduction: string('add') });
  return symbolic('float32', x.shape, r.emit('Reshape', [sum, r.ints([batch, channels, height, width])]), NCHW);
}

function avgPool(r: Recording, x: Value, window: Window): Value {
  const name = r.emit('AveragePool', [channelsFirst(r, x)], { ...attributesOf(window), count_include_pad: int(0) });
  return pooled(window, name);
}

/** How many real pixels each window of one axis covers: padding does not count. */
function coverage(window: Window, axis: 0 | 1): number[] {
  return Array.from({ length: window.output[axis] }, (_, i) => {
    const start = i * window.strides[axis] - window.pads[axis];
    return Math.min(start + window.kernel[axis], window.input[axis]) - Math.max(start, 0);
  });
}

/** Spreads dy / (pixels in the window) over each window. */
function avgPoolGradient(r: Recording, dy: Value, window: Window): Value {
  const rows = coverage(window, 0);
  const columns = coverage(window, 1);
  const weights = rows.flatMap((height) => columns.map((width) => 1 / (height * width)));
  const shares = constant('float32', [1, ...window.output, 1], Float32Array.from(weights));
  const share = elementwise(r, 'float32', [dy, shares], (names) => r.emit('Mul', names));
  const shape = [window.batch, ...window.input, window.inputChannels];
  const global = window.output.every((n) => n === 1) && window.pads.every((p) => p === 0);
  if (global && window.kernel.every((k, i) => k === window.input[i])) return r.broadcast(share, shape);
  const ones = r.dense(uniform('float32', [window.inputChannels, 1, ...window.kernel], 1));
  const name = r.emit('ConvTranspose', [channelsFirst(r, share), r.form(ones, [0, 1, 2, 3])], {
    ...attributesOf(window),
    group: int(window.inputChannels),
    output_padding: ints(unreached(window)),
  });
  return symbolic('float32', shape, name, NCHW);
}

/** tfjs kernels that pool windows of an image. */
export const poolKernels: KernelTable = {
  MaxPool: kernel<'x', PoolAttributes>((r, { x }, attributes) => maxPool(r, x, poolWindow(x.shape, attributes))),
  MaxPoolGrad: kernel<'dy' | 'input' | 'output', PoolAttributes>((r, { dy, input }, attributes) =>
    maxPoolGradient(r, dy, input, poolWindow(input.shape, attributes)),
  ),
  AvgPool: kernel<'x', PoolAttributes>((r, { x }, attributes) => avgPool(r, x, poolWindow(x.shape, attributes))),
  AvgPoolGrad: kernel<'dy' | 'input', PoolAttributes>((r, { dy, input }, attributes) =>
    avgPoolGradient(r, dy, poolWindow(input.shape, attributes)),
  ),
};
