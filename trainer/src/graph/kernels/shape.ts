import { int } from '@beltsight/sdk/onnx';
import { identity, type Order, physical, reshapeOrder, sameList } from '../recorder/layout.js';
import type { Recording } from '../recorder/recording.js';
import { permuteConstant, symbolic, uniform, type Value } from '../recorder/value.js';
import { tf } from '../tfjs.js';
import { cheapestOrder } from './broadcasting.js';
import { axesOf, type KernelTable, kernel } from './kernel.js';

/** Extent of a reshaped tensor if its pending broadcasts survive the reshape. */
function reshapeExtent(x: Value, shape: readonly number[]): readonly number[] | undefined {
  if (sameList(x.shape, x.extent)) return shape;
  if (x.extent.every((dim) => dim === 1)) return shape.map(() => 1);
  // Only unit axes come or go: every other axis keeps its extent.
  const from = x.shape.flatMap((dim, axis) => (dim === 1 ? [] : [axis]));
  const to = shape.flatMap((dim, axis) => (dim === 1 ? [] : [axis]));
  const kept = from.length === to.length && from.every((axis, i) => x.shape[axis] === shape[to[i] as number]);
  return kept
    ? shape.map((dim, axis) => (dim === 1 ? 1 : (x.extent[from[to.indexOf(axis)] as number] as number)))
    : undefined;
}

export function reshape(recording: Recording, x: Value, shape: readonly number[]): Value {
  if (sameList(x.shape, shape)) return x;
  const extent = reshapeExtent(x, shape);
  if (extent === undefined) return reshape(recording, recording.dense(x), shape);
  if (x.constant) return { dtype: x.dtype, shape, extent, forms: [], constant: x.constant };
  const plain = identity(x.shape.length);
  for (const order of [...recording.orders(x), plain]) {
    const next = reshapeOrder(x.extent, extent, order);
    if (next === undefined) continue;
    const name = recording.reshape(recording.form(x, order), physical(x.extent, order), physical(extent, next));
    return symbolic(x.dtype, shape, name, next, extent);
  }
  throw new Error(`unreachable: row-major order reshapes to anything`);
}

/** `x` with its axes permuted: a change of view, no data moves. */
export function transpose(x: Value, perm: readonly number[]): Value {
  const pick = (dims: readonly number[]) => perm.map((axis) => dims[axis] as number);
  if (x.constant) {
    return {
      dtype: x.dtype,
      shape: pick(x.shape),
      extent: pick(x.extent),
      forms: [],
      constant: permuteConstant(x, perm),
    };
  }
  return {
    dtype: x.dtype,
    shape: pick(x.shape),
    extent: pick(x.extent),
    forms: x.forms.map(({ order, name }) => ({ name, order: order.map((axis) => perm.indexOf(axis)) })),
  };
}

/** Joins tensors of equal rank along `axis`. */
export function concat(recording: Recording, parts: readonly Value[], axis: number): Value {
  const dense = parts.map((part) => recording.dense(part));
  const [first] = dense as [Value];
  if (dense.length === 1) return first;
  const order = cheapestOrder(recording, dense, first.shape.length);
  const names = dense.map((part) => recording.form(part, order));
  const shape = first.shape.map((dim, a) =>
    a === axis ? dense.reduce((sum, part) => sum + (part.shape[axis] as number), 0) : dim,
  );
  return symbolic(first.dtype, shape, recording.emit('Concat', names, { axis: int(order.indexOf(axis)) }), order);
}

/** A strided box of `x`; axes that are stored once stay so. `steps` may be negative. */
export function slice(
  recording: Recording,
  x: Value,
  begin: readonly number[],
  shape: readonly number[],
  steps: readonly number[] = begin.map(() => 1),
): Value {
  const cut = identity(x.shape.length).filter(
    (axis) => x.extent[axis] !== 1 && !(x.extent[axis] === shape[axis] && steps[axis] === 1),
  );
  const extent = shape.map((dim, axis) => (x.extent[axis] === 1 ? 1 : dim));
  const order = recording.orders(x)[0] as Order;
  const source = recording.form(x, order);
  if (cut.length === 0) return symbolic(x.dtype, shape, source, order, extent);
  const starts = cut.map((axis) => begin[axis] as number);
  const ends = cut.map((axis, i) => {
    const step = steps[axis] as number;
    const end = (starts[i] as number) + ((shape[axis] as number) - 1) * step + Math.sign(step);
    // A negative end counts from the back, so "past the first element" needs a number beyond every size.
    return end < 0 ? -(2 ** 31) : end;
  });
  const positions = cut.map((axis) => order.indexOf(axis));
  const strides = cut.map((axis) => steps[axis] as number);
  const unit = strides.every((step) => step === 1);
  const inputs = [source, recording.ints(starts), recording.ints(ends), recording.ints(positions)];
  const name = recording.emit('Slice', unit ? inputs : [...inputs, recording.ints(strides)]);
  return symbolic(x.dtype, shape, name, order, extent);
}

/** Repeats `x`; axes stored once stay stored once. */
function tile(recording: Recording, x: Value, reps: readonly number[]): Value {
  const shape = x.shape.map((dim, axis) => dim * (reps[axis] as number));
  const pending = x.shape.every((_, axis) => reps[axis] === 1 || x.extent[axis] === 1);
  if (pending) return { ...x, shape, forms: [...x.forms] };
  const dense = recording.dense(x);
  const order = recording.orders(dense)[0] as Order;
  const name = recording.emit('Tile', [recording.form(dense, order), recording.ints(physical(reps, order))]);
  return symbolic(x.dtype, shape, name, order);
}

interface StridedSliceAttributes {
  readonly begin: number[];
  readonly end: number[];
  readonly strides: number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
}

interface PadAttributes {
  readonly paddings: readonly (readonly [number, number])[];
  readonly constantValue: number;
}

/** Pads the axes of `x` by [before, after]. */
export function pad(recording: Recording, x: Value, paddings: PadAttributes['paddings'], element = 0): Value {
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const dense = recording.dense(x);
  const order = recording.orders(dense)[0] as Order;
  const pads = [0, 1].flatMap((side) => order.map((axis) => paddings[axis]?.[side] as number));
  const name = recording.emit('Pad', [
    recording.form(dense, order),
    recording.ints(pads),
    recording.scalar(x.dtype, element),
  ]);
  const shape = x.shape.map((dim, axis) => dim + (paddings[axis]?.[0] as number) + (paddings[axis]?.[1] as number));
  return symbolic(x.dtype, shape, name, order);
}

/** The mirror without the edge is ONNX's reflect mode; with the edge, it is built from slices. */
function mirrorPad(r: Recording, x: Value, paddings: PadAttributes['paddings'], edge: boolean): Value {
  return paddings.reduce((padded, [before, after], axis) => {
    const length = padded.shape[axis] as number;
    const reversed = (start: number, count: number) =>
      slice(
        r,
        padded,
        padded.shape.map((_, a) => (a === axis ? start : 0)),
        padded.shape.map((dim, a) => (a === axis ? count : dim)),
        padded.shape.map((_, a) => (a === axis ? -1 : 1)),
      );
    const skip = edge ? 0 : 1;
    const parts = [
      ...(before > 0 ? [reversed(before - 1 + skip, before)] : []),
      padded,
      ...(after > 0 ? [reversed(length - 1 - skip, after)] : []),
    ];
    return concat(r, parts, axis);
  }, r.dense(x));
}

/** tfjs kernels that move, repeat or cut elements. */
export const shapeKernels: KernelTable = {
  Reshape: kernel<'x', { shape: readonly number[] }>((r, { x }, attributes) => {
    const known = attributes.shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
    const total = x.shape.reduce((product, dim) => product * dim, 1);
    return reshape(
      r,
      x,
      attributes.shape.map((dim) => (dim === -1 ? total / known : dim)),
    );
  }),
  ExpandDims: kernel<'input', { dim: number }>((r, { input }, { dim }) => {
    const at = dim < 0 ? dim + input.shape.length + 1 : dim;
    return reshape(r, input, [...input.shape.slice(0, at), 1, ...input.shape.slice(at)]);
  }),
  Transpose: kernel<'x', { perm: readonly number[] }>((_, { x }, { perm }) => transpose(x, perm)),
  Tile: kernel<'x', { reps: readonly number[] }>((r, { x }, { reps }) => tile(r, x, reps)),
  BroadcastTo: kernel<'x', { shape: readonly number[] }>((r, { x }, { shape }) => r.broadcast(x, shape)),
  Concat: (r, inputs, attributes) => {
    const parts = Object.values(inputs);
    const [axis = 0] = axesOf((attributes as { axis: number }).axis, (parts[0] as Value).shape.length);
    return concat(r, parts, axis);
  },
  Pack: (r, inputs, attributes) => {
    const parts = Object.values(inputs);
    const { axis } = attributes as { axis: number };
    const stacked = parts.map((part) => reshape(r, part, [...part.shape.slice(0, axis), 1, ...part.shape.slice(axis)]));
    return concat(r, stacked, axis);
  },
  Unpack: kernel<'value', { axis: number }>((r, { value }, attributes) => {
    const [axis = 0] = axesOf(attributes.axis, value.shape.length);
    const shape = value.shape.map((dim, a) => (a === axis ? 1 : dim));
    const flat = value.shape.filter((_, a) => a !== axis);
    return Array.from({ length: value.shape[axis] as number }, (_, i) =>
      reshape(
        r,
        slice(
          r,
          value,
          shape.map((_, a) => (a === axis ? i : 0)),
          shape,
        ),
        flat,
      ),
    );
  }),
  SplitV: kernel<'x', { numOrSizeSplits: number | readonly number[]; axis: number }>((r, { x }, attributes) => {
    const [axis = 0] = axesOf(attributes.axis, x.shape.length);
    const sizes = splitSizes(attributes.numOrSizeSplits, x.shape[axis] as number);
    const dense = r.dense(x);
    const order = r.orders(dense)[0] as Order;
    const names = r.emitAll(
      'Split',
      [r.form(dense, order), r.ints(sizes)],
      { axis: int(order.indexOf(axis)) },
      sizes.length,
    );
    return sizes.map((length, i) =>
      symbolic(
        x.dtype,
        x.shape.map((dim, a) => (a === axis ? length : dim)),
        names[i] as string,
        order,
      ),
    );
  }),
  Slice: kernel<'x', { begin: readonly number[]; size: readonly number[] }>((r, { x }, attributes) => {
    const begin = x.shape.map((_, axis) => attributes.begin[axis] ?? 0);
    const shape = x.shape.map((dim, axis) => {
      const length = attributes.size[axis] ?? -1;
      return length === -1 ? dim - (begin[axis] as number) : length;
    });
    return slice(r, x, begin, shape);
  }),
  StridedSlice: kernel<'x', StridedSliceAttributes>((r, { x }, a) => {
    const info = tf.slice_util.sliceInfo(
      [...x.shape],
      a.begin,
      a.end,
      a.strides,
      a.beginMask,
      a.endMask,
      a.ellipsisMask,
      a.newAxisMask,
      a.shrinkAxisMask,
    );
    const box = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
    return reshape(r, slice(r, x, info.begin, box, info.strides), info.finalShape);
  }),
  Reverse: kernel<'x', { dims: number | readonly number[] }>((r, { x }, { dims }) => {
    const axes = axesOf(dims, x.shape.length);
    return slice(
      r,
      x,
      x.shape.map((dim, axis) => (axes.includes(axis) ? dim - 1 : 0)),
      x.shape,
      x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1)),
    );
  }),
  PadV2: kernel<'x', PadAttributes>((r, { x }, { paddings, constantValue }) => pad(r, x, paddings, constantValue)),
  MirrorPad: kernel<'x', PadAttributes & { mode: 'reflect' | 'symmetric' }>((r, { x }, { paddings, mode }) =>
    mirrorPad(r, x, paddings, mode === 'symmetric'),
  ),
  Fill: (_, __, attributes) => {
    const { shape, value, dtype } = attributes as { shape: readonly number[]; value: number; dtype?: string };
    return uniform(dtype === 'int32' || dtype === 'bool' ? dtype : 'float32', shape, value);
  },
};

function splitSizes(split: number | readonly number[], total: number): number[] {
  if (typeof split === 'number') return Array<number>(split).fill(total / split);
  const known = split.reduce((sum, length) => sum + Math.max(length, 0), 0);
  return split.map((length) => (length === -1 ? total - known : length));
}
