import { identity, type Order } from './layout.js';

/** Element types a recorded tensor has inside the graph. */
export type Dtype = 'float32' | 'int32' | 'bool';

export type ConstantData = Float32Array | Int32Array | Uint8Array;

/** One ONNX value that stores a recorded tensor, in the given physical order. */
interface Form {
  readonly order: Order;
  readonly name: string;
}

/**
 * A tensor while a function is recorded. `shape` is what tfjs sees; `extent` is what is stored: the same,
 * or 1 along axes where all elements are equal (a broadcast that has not been written out yet).
 * Immutable, but for the list of forms, which grows when an operator asks for another physical order.
 */
export interface Value {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly extent: readonly number[];
  readonly forms: Form[];
  /** Elements in row-major order of `extent`, where they are known while recording. */
  readonly constant?: ConstantData;
}

export function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A tensor stored under one ONNX name. */
export function symbolic(
  dtype: Dtype,
  shape: readonly number[],
  name: string,
  order: Order = identity(shape.length),
  extent: readonly number[] = shape,
): Value {
  return { dtype, shape, extent, forms: [{ order, name }] };
}

/** A tensor whose elements are known; one whose elements are all equal is stored as a single element. */
export function constant(dtype: Dtype, shape: readonly number[], data: ConstantData): Value {
  if (data.length > 1 && data.every((element) => element === data[0])) {
    return uniform(dtype, shape, data[0] as number);
  }
  return { dtype, shape, extent: shape, forms: [], constant: data };
}

/** A constant with every element equal to `element`. */
export function uniform(dtype: Dtype, shape: readonly number[], element: number): Value {
  return { dtype, shape, extent: shape.map(() => 1), forms: [], constant: typed(dtype, [element]) };
}

/** The one element of a uniform constant; undefined for anything else. */
export function uniformElement(value: Value): number | undefined {
  return value.constant?.length === 1 ? value.constant[0] : undefined;
}

export function typed(dtype: Dtype, data: ArrayLike<number>): ConstantData {
  if (dtype === 'float32') return Float32Array.from(data);
  return dtype === 'int32' ? Int32Array.from(data) : Uint8Array.from(data);
}

/** Elements of a constant in row-major order of its whole shape. */
export function expandConstant(value: Value): ConstantData {
  const data = value.constant as ConstantData;
  if (data.length === size(value.shape)) return data;
  return gather(data, value.shape, broadcastStrides(value.extent));
}

/** Elements of a constant, laid out for the physical `order` of its extent. */
export function permuteConstant(value: Value, order: Order): ConstantData {
  const strides = rowMajorStrides(value.extent);
  return gather(
    value.constant as ConstantData,
    order.map((axis) => value.extent[axis] as number),
    order.map((axis) => strides[axis] as number),
  );
}

function rowMajorStrides(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= dims[axis] as number;
  }
  return strides;
}

function broadcastStrides(extent: readonly number[]): number[] {
  return rowMajorStrides(extent).map((stride, axis) => (extent[axis] === 1 ? 0 : stride));
}

/** Reads `data` with the given strides into a new row-major array of `dims`. */
function gather(data: ConstantData, dims: readonly number[], strides: readonly number[]): ConstantData {
  const result = new (data.constructor as new (length: number) => ConstantData)(size(dims));
  const index = new Array<number>(dims.length).fill(0);
  let source = 0;
  for (let target = 0; target < result.length; target++) {
    result[target] = data[source] as number;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      source += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (dims[axis] as number)) break;
      source -= (strides[axis] as number) * (dims[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}
