import { tf } from '../tfjs.js';
import { type ConstantData, constant, type Dtype, expandConstant, size, type Value } from './value.js';

type TensorInfo = { dataId: object; shape: number[]; dtype: string };

/** What the recorder uses of tfjs's own CPU backend. */
interface CpuBackend {
  makeTensorInfo(shape: readonly number[], dtype: string, values: ConstantData): TensorInfo;
  readSync(dataId: object): ConstantData;
  disposeData(dataId: object, force?: boolean): boolean;
}

/**
 * Runs a kernel whose inputs are all constants on tfjs's CPU backend: subgraphs of weights alone
 * (BatchNorm folding, masks, ranges) become constants while recording.
 */
export function fold(name: string, inputs: Readonly<Record<string, Value>>, attrs: unknown): Value[] {
  const backend = tf.findBackend('cpu') as unknown as CpuBackend;
  const run = tf.getKernel(name, 'cpu').kernelFunc as (call: unknown) => TensorInfo | TensorInfo[];
  const given = Object.entries(inputs).map(
    ([key, value]) => [key, backend.makeTensorInfo(value.shape, value.dtype, expandConstant(value))] as const,
  );
  // Kernels with a list of inputs (Concat, Pack, AddN) want an array.
  const list = given.every(([key], i) => key === `${i}`);
  const call = list && given.length > 0 ? given.map(([, info]) => info) : Object.fromEntries(given);
  const results = [run({ inputs: call, backend, attrs })].flat();
  const values = results.map((info) => {
    const data = backend.readSync(info.dataId);
    return constant(info.dtype as Dtype, info.shape, copyOf(data, info.dtype as Dtype, size(info.shape)));
  });
  for (const info of [...results, ...given.map(([, info]) => info)]) backend.disposeData(info.dataId, true);
  return values;
}

/** The kernel may answer with the very array it was given, or with a longer or plain one. */
function copyOf(data: ArrayLike<number>, dtype: Dtype, length: number): ConstantData {
  if (dtype === 'float32') return Float32Array.from(data).subarray(0, length);
  return dtype === 'int32' ? Int32Array.from(data).subarray(0, length) : Uint8Array.from(data).subarray(0, length);
}
