import { int, ints } from '@beltsight/sdk/onnx';
import { type Order, physical } from '../recorder/layout.js';
import type { Recording } from '../recorder/recording.js';
import { type Dtype, symbolic, uniform, type Value } from '../recorder/value.js';
import { elementwise } from './broadcasting.js';
import { cast } from './elementwise.js';
import { axesOf, type Kernel, type KernelTable, kernel } from './kernel.js';

interface ReduceAttributes {
  readonly axis: number | readonly number[];
  readonly keepDims: boolean;
}

/** Shape, extent and order of a reduction without the reduced axes. */
function without(axes: readonly number[], dims: readonly number[]): number[] {
  return dims.filter((_, axis) => !axes.includes(axis));
}

/** Reduces `x` over `axes` in whatever order it is stored. Axes stored once are left to the caller. */
function reduce(recording: Recording, x: Value, axes: readonly number[], keepDims: boolean, opType: string): Value {
  const order = recording.orders(x)[0] as Order;
  const positions = axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);
  const full = x.extent.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const source = recording.form(x, order);
  const moving = axes.filter((axis) => x.extent[axis] !== 1);
  const name = moving.length === 0 ? source : reducing(recording, opType, source, positions);
  const kept = symbolic(
    x.dtype,
    x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
    name,
    order,
    full,
  );
  return keepDims ? kept : squeeze(recording, kept, axes);
}

/** `x` without the unit axes `axes`. */
function squeeze(recording: Recording, x: Value, axes: readonly number[]): Value {
  const remaining = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = recording.orders(x)[0] as Order;
  const next = order.filter((axis) => !axes.includes(axis)).map((axis) => remaining.indexOf(axis));
  const extent = without(axes, x.extent);
  const name = recording.reshape(recording.form(x, order), physical(x.extent, order), physical(extent, next));
  return symbolic(x.dtype, without(axes, x.shape), name, next, extent);
}

/** A reduction that keeps the axes. ReduceSum has had them as an input since opset 13, the others since 18. */
function reducing(r: Recording, opType: string, name: string, positions: readonly number[]): string {
  if (opType === 'ReduceSum' || r.training) return r.emit(opType, [name, r.ints(positions)], { keepdims: int(1) });
  return r.emit(opType, [name], { axes: ints(positions), keepdims: int(1) });
}

export function sum(r: Recording, x: Value, axes: readonly number[], keepDims: boolean): Value {
  const total = reduce(r, x, axes, keepDims, 'ReduceSum');
  // An axis whose elements are stored once counts as often as its shape says.
  const times = axes.reduce((n, axis) => n * ((x.shape[axis] as number) / (x.extent[axis] as number)), 1);
  return times === 1 ? total : multiply(r, total, times);
}

function multiply(r: Recording, x: Value, factor: number): Value {
  return elementwise(r, x.dtype, [x, uniform(x.dtype, [], factor)], (names) => r.emit('Mul', names));
}

/** A maximum or minimum does not depend on how often an element is repeated. */
function extreme(r: Recording, x: Value, opType: string, axis: ReduceAttributes['axis'], keepDims: boolean): Value {
  return reduce(r, x, axesOf(axis, x.shape.length), keepDims, opType);
}

const logical = (opType: string): Kernel =>
  kernel<'x', ReduceAttributes>((r, { x }, { axis, keepDims }) => {
    const numbers = cast(r, x, 'int32');
    const reduced = reduce(r, numbers, axesOf(axis, x.shape.length), keepDims, opType);
    return cast(r, reduced, 'bool');
  });

const indexOf = (opType: string): Kernel =>
  kernel<'x', { axis: number | readonly number[] }>((r, { x }, attributes) => {
    const [axis = 0] = axesOf(attributes.axis, x.shape.length);
    const dense = r.dense(x);
    const order = r.orders(dense)[0] as Order;
    const index = r.emit(opType, [r.form(dense, order)], { axis: int(order.indexOf(axis)), keepdims: int(1) });
    const extent = x.shape.map((dim, a) => (a === axis ? 1 : dim));
    const name = r.emit('Cast', [index], { to: int(6) });
    return squeeze(r, symbolic('int32' satisfies Dtype, extent, name, order), [axis]);
  });

/** Softmax and LogSoftmax over the last axis, in the order the input is stored. */
const alongLast = (opType: string): Kernel =>
  kernel<'logits', { dim?: number; axis?: number }>((r, { logits }, { dim, axis }) => {
    const dense = r.dense(logits);
    const order = r.orders(dense)[0] as Order;
    const [along = 0] = axesOf(dim ?? axis ?? -1, logits.shape.length);
    const name = r.emit(opType, [r.form(dense, order)], { axis: int(order.indexOf(along)) });
    return symbolic('float32', logits.shape, name, order);
  });

/** tfjs kernels that reduce axes. */
export const reduceKernels: KernelTable = {
  Sum: kernel<'x', ReduceAttributes>((r, { x }, { axis, keepDims }) =>
    sum(r, x, axesOf(axis, x.shape.length), keepDims),
  ),
  Mean: kernel<'x', ReduceAttributes>((r, { x }, { axis, keepDims }) =>
    reduce(r, cast(r, x, 'float32'), axesOf(axis, x.shape.length), keepDims, 'ReduceMean'),
  ),
  Max: kernel<'x', { reductionIndices: number | readonly number[]; keepDims: boolean }>((r, { x }, attributes) =>
    extreme(r, x, 'ReduceMax', attributes.reductionIndices, attributes.keepDims),
  ),
  Min: kernel<'x', ReduceAttributes>((r, { x }, { axis, keepDims }) => extreme(r, x, 'ReduceMin', axis, keepDims)),
  Prod: kernel<'x', ReduceAttributes>((r, { x }, { axis, keepDims }) =>
    reduce(r, r.dense(x), axesOf(axis, x.shape.length), keepDims, 'ReduceProd'),
  ),
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  ArgMax: indexOf('ArgMax'),
  ArgMin: indexOf('ArgMin'),
  Softmax: alongLast('Softmax'),
  LogSoftmax: alongLast('LogSoftmax'),
};
