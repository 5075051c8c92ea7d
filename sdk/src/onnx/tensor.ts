import { TensorProto_DataType as DataType } from 'onnx-buf';

/** Element types that Beltsight graphs use, by their common names. float16 data is raw bits in a Uint16Array. */
export type ElementType = 'float32' | 'float16' | 'float64' | 'int32' | 'int64' | 'int8' | 'uint8' | 'bool';

export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Int8Array
  | Uint8Array;

/** A constant tensor: row-major `data` of `dims`. */
export interface TensorValue {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

interface ElementInfo {
  readonly code: DataType;
  readonly bytes: number;
  readonly view: (buffer: ArrayBuffer) => TensorData;
}

export const ELEMENTS: Readonly<Record<ElementType, ElementInfo>> = {
  float32: { code: DataType.FLOAT, bytes: 4, view: (b) => new Float32Array(b) },
  float16: { code: DataType.FLOAT16, bytes: 2, view: (b) => new Uint16Array(b) },
  float64: { code: DataType.DOUBLE, bytes: 8, view: (b) => new Float64Array(b) },
  int32: { code: DataType.INT32, bytes: 4, view: (b) => new Int32Array(b) },
  int64: { code: DataType.INT64, bytes: 8, view: (b) => new BigInt64Array(b) },
  int8: { code: DataType.INT8, bytes: 1, view: (b) => new Int8Array(b) },
  uint8: { code: DataType.UINT8, bytes: 1, view: (b) => new Uint8Array(b) },
  bool: { code: DataType.BOOL, bytes: 1, view: (b) => new Uint8Array(b) },
};

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A float32 constant. */
export function float32(dims: readonly number[], data: ArrayLike<number>): TensorValue {
  return { type: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** A one-dimensional int64 constant, as ONNX wants for axes, shapes, starts and pads. */
export function int64(values: readonly number[]): TensorValue {
  return { type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** The element type with the ONNX code `code`, or undefined if Beltsight does not use it. */
export function elementTypeOf(code: number): ElementType | undefined {
  return (Object.keys(ELEMENTS) as ElementType[]).find((type) => ELEMENTS[type].code === code);
}
