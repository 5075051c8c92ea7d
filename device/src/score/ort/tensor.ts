import koffi from 'koffi';
import { type OrtApi, type Pointer, pinned } from './api.js';

/** Element types of ONNX tensors by their number in ONNXTensorElementDataType. */
const ELEMENTS = { float32: { code: 1, array: Float32Array }, uint8: { code: 2, array: Uint8Array } } as const;
export type ElementType = keyof typeof ELEMENTS;

/** A tensor that is allocated once, and that every run reads or writes in place. */
export class OrtTensor {
  private constructor(
    private readonly api: OrtApi,
    readonly value: Pointer,
    /** Elements, where the processor can reach them; undefined in a GPU's memory. */
    readonly data: Float32Array | Uint8Array | undefined,
  ) {}

  /** In memory of this process. */
  static host(api: OrtApi, memory: Pointer, type: ElementType, dims: readonly number[]): OrtTensor {
    const { code, array } = ELEMENTS[type];
    const data = pinned<Float32Array | Uint8Array>(array, sizeOf(dims));
    const shape = shapeOf(dims);
    const value = api.make('createTensorWithDataAsOrtValue', memory, data, data.byteLength, shape, dims.length, code);
    return new OrtTensor(api, value, data);
  }

  /**
   * In memory of an allocator of ONNX Runtime.
   * @param reachable whether the processor can reach it, as it can page-locked memory
   */
  static allocated(
    api: OrtApi,
    allocator: Pointer,
    type: ElementType,
    dims: readonly number[],
    reachable: boolean,
  ): OrtTensor {
    const { code, array } = ELEMENTS[type];
    const value = api.make('createTensorAsOrtValue', allocator, shapeOf(dims), dims.length, code);
    if (!reachable) return new OrtTensor(api, value, undefined);
    const bytes = sizeOf(dims) * array.BYTES_PER_ELEMENT;
    const memory = koffi.view(api.make('getTensorMutableData', value), bytes);
    return new OrtTensor(api, value, new array(memory));
  }

  release(): void {
    this.api.release('releaseValue', this.value);
  }
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

function shapeOf(dims: readonly number[]): BigInt64Array {
  const shape = pinned(BigInt64Array, dims.length);
  shape.set(dims.map(BigInt));
  return shape;
}
