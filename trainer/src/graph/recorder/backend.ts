import { BeltsightError } from '@beltsight/sdk';
import { KERNELS } from '../kernels/table.js';
import { tf } from '../tfjs.js';
import { fold } from './fold.js';
import type { Recording } from './recording.js';
import { type ConstantData, constant, type Dtype, expandConstant, size, typed, type Value } from './value.js';

const NAME = 'beltsight-recorder';

interface Entry {
  readonly value: Value;
  references: number;
}

/** A tfjs backend whose tensors are values of an ONNX graph under construction. */
class RecorderBackend extends tf.KernelBackend {
  readonly data = new tf.DataStorage<Entry>(this, tf.engine());
  recording: Recording | undefined;

  /** Stores `value` and describes it to tfjs. */
  add(value: Value): tf.TensorInfo {
    const dataId = {};
    this.data.set(dataId, { value, references: 1 });
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  value(info: tf.TensorInfo): Value {
    return this.data.get(info.dataId).value;
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: object,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.data.set(dataId, { value: constant(dtypeOf(dtype), shape, dataOf(values, dtypeOf(dtype))), references });
  }

  override readSync(dataId: object): ConstantData {
    const { value } = this.data.get(dataId);
    if (value.constant) return expandConstant(value);
    throw new BeltsightError(
      'GRAPH_INVALID',
      `A tensor of shape [${value.shape}] was read while it was recorded: recorded code cannot depend on the values ` +
        'of its inputs. Compute with tensors, or pass the number in as a plain argument.',
    );
  }

  override async read(dataId: object): Promise<ConstantData> {
    return this.readSync(dataId);
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const entry = this.data.get(dataId);
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.data.delete(dataId);
    return true;
  }

  override refCount(dataId: object): number {
    return this.data.has(dataId) ? this.data.get(dataId).references : 0;
  }

  override incRef(dataId: object): void {
    this.data.get(dataId).references++;
  }

  override numDataIds(): number {
    return this.data.numDataIds();
  }

  override memory() {
    return { unreliable: true };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}

function dtypeOf(dtype: tf.DataType): Dtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new BeltsightError(
    'GRAPH_INVALID',
    `A tensor of type ${dtype} cannot be recorded: use float32, int32 or bool.`,
  );
}

function dataOf(values: tf.backend_util.BackendValues, dtype: Dtype): ConstantData {
  const fits = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
  return values instanceof fits ? values : typed(dtype, values as unknown as ArrayLike<number>);
}

let backend: RecorderBackend | undefined;

/** Makes the backend and its kernels known to tfjs, once. */
function registered(): RecorderBackend {
  if (backend) return backend;
  const made = new RecorderBackend();
  backend = made;
  tf.registerBackend(NAME, () => made);
  for (const kernelName of Object.keys(KERNELS)) {
    tf.registerKernel({ kernelName, backendName: NAME, kernelFunc: (call) => run(made, kernelName, call) });
  }
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (kernelName in KERNELS) continue;
    tf.registerKernel({ kernelName, backendName: NAME, kernelFunc: () => unsupported(kernelName) });
  }
  return made;
}

function run(
  owner: RecorderBackend,
  kernelName: string,
  { inputs, attrs }: { inputs: tf.NamedTensorInfoMap; attrs?: unknown },
): tf.TensorInfo | tf.TensorInfo[] {
  const values = Object.fromEntries(
    Object.entries(inputs).flatMap(([key, info]) => (info ? [[key, owner.value(info)] as const] : [])),
  );
  const given = Object.values(values);
  for (const value of given) {
    if (size(value.shape) === 0) {
      throw new BeltsightError('GRAPH_INVALID', `${kernelName} was given an empty tensor of shape [${value.shape}].`);
    }
  }
  if (kernelName !== 'Fill' && given.every((value) => value.constant)) {
    const folded = fold(kernelName, values, attrs);
    return folded.length === 1 ? owner.add(folded[0] as Value) : folded.map((value) => owner.add(value));
  }
  const kernel = KERNELS[kernelName];
  if (!owner.recording || !kernel) {
    throw new BeltsightError('GRAPH_INVALID', `${kernelName} was called on a recorded tensor after the recording.`);
  }
  const result = kernel(owner.recording, values, attrs);
  return Array.isArray(result) ? result.map((value) => owner.add(value)) : owner.add(result as Value);
}

function unsupported(kernelName: string): never {
  const scope = (tf.engine() as unknown as { state: { activeScope?: { name?: string } } }).state.activeScope;
  throw new BeltsightError(
    'KERNEL_UNSUPPORTED',
    `The tfjs kernel ${kernelName} (asked for by tf.${scope?.name || kernelName}) cannot be recorded into an ONNX graph: ` +
      'write the computation with other operations, or add the kernel to trainer/src/graph/kernels.',
  );
}

/**
 * Runs `work` with every tfjs operation recorded into `recording`. Synchronous: the backend in use before is
 * back when this returns or throws.
 */
export function recordInto<T>(
  recording: Recording,
  work: (add: (value: Value) => tf.Tensor, of: (tensor: tf.Tensor) => Value) => T,
): T {
  const owner = registered();
  if (owner.recording) throw new BeltsightError('GRAPH_INVALID', 'A recording was started inside another recording.');
  const before = tf.getBackend() ?? 'cpu';
  owner.recording = recording;
  // Both backends initialise synchronously, so the returned promises are already settled.
  void tf.setBackend(NAME);
  try {
    tf.engine().startScope('record');
    return work(
      (value) => tf.engine().makeTensorFromTensorInfo(owner.add(value)),
      (tensor) => owner.value(tensor),
    );
  } finally {
    tf.engine().endScope();
    owner.recording = undefined;
    void tf.setBackend(before);
  }
}
