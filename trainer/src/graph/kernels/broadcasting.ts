import { BeltsightError } from '@beltsight/sdk';
import { lift, lower, type Order, physical, sameList, sameStorage } from '../recorder/layout.js';
import type { Recording } from '../recorder/recording.js';
import { type Dtype, size, symbolic, type Value } from '../recorder/value.js';

/** Physical order of a logical [N,H,W,C] image in ONNX operators. */
export const NCHW: Order = [0, 3, 1, 2];

/** The numpy broadcast of shapes. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const dim = dims.find((d) => d !== 1) ?? 1;
    if (dims.some((d) => d !== 1 && d !== dim)) {
      throw new BeltsightError(
        'GRAPH_INVALID',
        `Shapes ${shapes.map((s) => `[${s}]`).join(' and ')} do not broadcast.`,
      );
    }
    return dim;
  });
}

/**
 * The physical order in which an element-wise operator over `values` moves the least data: one that the
 * large operands already have.
 */
export function cheapestOrder(recording: Recording, values: readonly Value[], rank: number): Order {
  const candidates = values.flatMap((value) =>
    recording.orders(value).map((order) => lift(order, rank - value.shape.length)),
  );
  const cost = (order: Order) =>
    values.reduce((sum, value) => {
      if (value.constant) return sum;
      const wanted = lower(order, rank - value.shape.length);
      const free = recording.orders(value).some((have) => sameStorage(have, wanted, value.extent));
      return free ? sum : sum + size(value.extent);
    }, 0);
  // Constants come in any order: they decide only where there is nothing else. Between equals the order of convolutions
  // wins, so that one odd operand (a loss looks at features position by position) does not infect all that follows.
  const ranked = candidates.map((order) => ({
    order,
    cost: cost(order),
    native: sameList(order, NCHW) ? 0 : 1,
    weight: weightOf(order, values),
  }));
  ranked.sort((a, b) => a.cost - b.cost || a.native - b.native || b.weight - a.weight);
  return (ranked[0] as { order: Order }).order;
}

/** How many elements of symbolic operands lie in exactly this order. */
function weightOf(order: Order, values: readonly Value[]): number {
  const rank = order.length;
  return values.reduce((sum, value) => {
    const wanted = lower(order, rank - value.shape.length);
    return value.forms.some((form) => sameList(form.order, wanted)) ? sum + size(value.extent) : sum;
  }, 0);
}

/** Emits an element-wise operator over broadcast operands. Pending broadcasts stay pending. */
export function elementwise(
  recording: Recording,
  dtype: Dtype,
  values: readonly Value[],
  emit: (names: readonly string[]) => string,
): Value {
  const shape = broadcastShape(values.map((value) => value.shape));
  const extent = broadcastShape(values.map((value) => value.extent));
  const order = cheapestOrder(recording, values, shape.length);
  const operands = values.map((value) => operand(recording, value, order));
  const dims = physical(extent, order);
  // Leading axes that no operand has are units that the operator's result lacks.
  const emitted = dims.slice(dims.length - Math.max(...operands.map(({ rank }) => rank)));
  const name = recording.reshape(emit(operands.map(({ name }) => name)), emitted, dims);
  return symbolic(dtype, shape, name, order, extent);
}

/** `value` as an operand in `order`: numpy broadcasting supplies leading units, a Reshape those in between. */
function operand(recording: Recording, value: Value, order: Order): { name: string; rank: number } {
  const added = order.length - value.shape.length;
  const own = lower(order, added);
  const name = recording.form(value, own);
  const have = physical(value.extent, own);
  const dims = order.map((axis) => (axis < added ? 1 : (value.extent[axis - added] as number)));
  if (sameList([...Array<number>(added).fill(1), ...have], dims)) return { name, rank: have.length };
  const leading = dims.findIndex((dim) => dim !== 1);
  const needed = leading < 0 ? [] : dims.slice(leading);
  return { name: recording.reshape(name, have, needed), rank: needed.length };
}
