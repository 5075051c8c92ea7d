import { int, string } from '@beltsight/sdk/onnx';
import { identity, type Order } from '../recorder/layout.js';
import type { Recording } from '../recorder/recording.js';
import { constant, type Dtype, size, symbolic, uniform, type Value } from '../recorder/value.js';
import { elementwise } from './broadcasting.js';
import { cast } from './elementwise.js';
import { axesOf, type KernelTable, kernel } from './kernel.js';
import { reshape } from './shape.js';

const INT64 = int(7);

/** Row-major name of an int32 tensor, as int64 where an operator insists on it. */
function indices64(recording: Recording, indices: Value): string {
  const dense = recording.dense(indices);
  return recording.emit('Cast', [recording.form(dense, identity(dense.shape.length))], { to: INT64 });
}

/** Picks slices of `x` along `axis`. */
function gather(r: Recording, x: Value, indices: Value, axis: number): Value {
  const source = r.dense(x);
  const picks = r.dense(indices);
  const plain = identity(picks.shape.length);
  const shape = [...x.shape.slice(0, axis), ...picks.shape, ...x.shape.slice(axis + 1)];
  const order = r.orders(source)[0] as Order;
  const name = r.emit('Gather', [r.form(source, order), r.form(picks, plain)], { axis: int(order.indexOf(axis)) });
  // The index's axes take the place of the gathered one, in storage as in the shape.
  const next = order.flatMap((a) => {
    if (a === axis) return plain.map((p) => axis + p);
    return [a < axis ? a : a + plain.length - 1];
  });
  return symbolic(x.dtype, shape, name, next);
}

/** Gather where the leading `batchDims` axes of `x` and `indices` run together. */
function gatherBatched(r: Recording, x: Value, indices: Value, axis: number, batchDims: number): Value {
  const batch = x.shape.slice(0, batchDims);
  const outer = x.shape.slice(batchDims, axis);
  const inner = x.shape.slice(axis + 1);
  const picks = indices.shape.slice(batchDims);
  const length = x.shape[axis] as number;
  // One long axis over (batch, outer, gathered), and indices that point into it.
  const rows = reshape(r, r.dense(x), [size(batch) * size(outer) * length, ...inner]);
  const offsets = Int32Array.from({ length: size(batch) * size(outer) }, (_, i) => i * length);
  const base = constant('int32', [size(batch), size(outer), 1], offsets);
  const local = reshape(r, r.dense(indices), [size(batch), 1, size(picks)]);
  const index = elementwise(r, 'int32', [base, local], (names) => r.emit('Add', names));
  const gathered = gather(r, rows, reshape(r, index, [size(batch) * size(outer) * size(picks)]), 0);
  return reshape(r, gathered, [...batch, ...outer, ...picks, ...inner]);
}

function oneHot(r: Recording, indices: Value, a: OneHotAttributes): Value {
  const dtype = a.dtype ?? 'int32';
  const classes = constant(
    'int32',
    [a.depth],
    Int32Array.from({ length: a.depth }, (_, i) => i),
  );
  const column = reshape(r, cast(r, indices, 'int32'), [...indices.shape, 1]);
  const hit = elementwise(r, 'bool', [column, classes], (names) => r.emit('Equal', names));
  if (a.onValue === 1 && a.offValue === 0) return cast(r, hit, dtype);
  return elementwise(r, dtype, [hit, uniform(dtype, [], a.onValue), uniform(dtype, [], a.offValue)], (names) =>
    r.emit('Where', names),
  );
}

interface OneHotAttributes {
  readonly depth: number;
  readonly onValue: number;
  readonly offValue: number;
  readonly dtype?: Dtype;
}

/** Adds `updates` into zeros of `shape` at `indices` (last axis = coordinates). */
function scatterAdd(r: Recording, indices: Value, updates: Value, shape: readonly number[]): Value {
  const zeros = r.form(r.dense(uniform(updates.dtype, shape, 0)), identity(shape.length));
  const dense = r.dense(updates);
  const name = r.emit('ScatterND', [zeros, indices64(r, indices), r.form(dense, identity(dense.shape.length))], {
    reduction: string('add'),
  });
  return symbolic(updates.dtype, shape, name);
}

/** tfjs kernels that pick or place elements by index. */
export const selectKernels: KernelTable = {
  GatherV2: kernel<'x' | 'indices', { axis: number; batchDims: number }>((r, { x, indices }, { axis, batchDims }) => {
    const [along = 0] = axesOf(axis, x.shape.length);
    return batchDims > 0 ? gatherBatched(r, x, indices, along, batchDims) : gather(r, x, indices, along);
  }),
  GatherNd: kernel<'params' | 'indices'>((r, { params, indices }) => {
    const source = r.dense(params);
    const name = r.emit('GatherND', [r.form(source, identity(source.shape.length)), indices64(r, indices)]);
    const depth = indices.shape.at(-1) as number;
    return symbolic(params.dtype, [...indices.shape.slice(0, -1), ...params.shape.slice(depth)], name);
  }),
  OneHot: kernel<'indices', OneHotAttributes>((r, { indices }, attributes) => oneHot(r, indices, attributes)),
  ScatterNd: kernel<'indices' | 'updates', { shape: readonly number[] }>((r, { indices, updates }, { shape }) =>
    scatterAdd(r, indices, updates, shape),
  ),
  UnsortedSegmentSum: kernel<'x' | 'segmentIds', { numSegments: number }>((r, { x, segmentIds }, { numSegments }) =>
    scatterAdd(r, reshape(r, segmentIds, [...segmentIds.shape, 1]), x, [
      numSegments,
      ...x.shape.slice(segmentIds.shape.length),
    ]),
  ),
};
