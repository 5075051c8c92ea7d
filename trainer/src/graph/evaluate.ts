import { type RecordDtype, record } from './record.js';
import type { Target } from './recorder/recording.js';
import { GraphSession, type TypedArray } from './session.js';
import { tf } from './tfjs.js';

/** A tensor as plain data: row-major `data` of `shape`; float32 unless `dtype` says otherwise. */
export interface PlainTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly dtype?: RecordDtype;
}

export interface PlainResult {
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/**
 * Runs `fn` once: eagerly on tfjs's CPU backend, or compiled, that is recorded into an ONNX graph that ONNX
 * Runtime then runs on the processor, whatever `target` it was recorded for. Tests use it to hold one against the other.
 */
export function evaluate(
  engine: 'eager' | 'compiled',
  inputs: Readonly<Record<string, PlainTensor>>,
  fn: (tensors: Record<string, tf.Tensor>) => Record<string, tf.Tensor>,
  target: Target = 'training',
): Promise<Record<string, PlainResult>> {
  return engine === 'eager' ? eager(inputs, fn) : compiled(inputs, fn, target);
}

type Evaluated = (tensors: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;

async function eager(inputs: Readonly<Record<string, PlainTensor>>, fn: Evaluated) {
  await tf.setBackend('cpu');
  const results = tf.tidy(() => {
    const tensors = Object.entries(inputs).map(([name, { shape, data, dtype = 'float32' }]) => {
      const type = dtype === 'uint8' ? 'float32' : dtype;
      return [name, tf.tensor(arrayOf(data, type), [...shape], type)] as const;
    });
    return fn(Object.fromEntries(tensors));
  });
  const plain: Record<string, PlainResult> = {};
  for (const [name, tensor] of Object.entries(results)) {
    plain[name] = { shape: [...tensor.shape], data: tensor.dataSync().slice() as TypedArray };
    tensor.dispose();
  }
  return plain;
}

async function compiled(inputs: Readonly<Record<string, PlainTensor>>, fn: Evaluated, target: Target) {
  const specs = Object.entries(inputs).map(([name, { shape, dtype = 'float32' }]) => [name, { shape, dtype }] as const);
  const session = await GraphSession.open(record('evaluate', Object.fromEntries(specs), fn, { target }));
  try {
    const feeds = Object.entries(inputs).map(
      ([name, { data, dtype = 'float32' }]) => [name, arrayOf(data, dtype)] as const,
    );
    const results = await session.run(Object.fromEntries(feeds));
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data }] as const),
    );
  } finally {
    await session.close();
  }
}

function arrayOf(data: ArrayLike<number>, dtype: RecordDtype): TypedArray {
  if (dtype === 'float32') return Float32Array.from(data);
  return dtype === 'int32' ? Int32Array.from(data) : Uint8Array.from(data);
}
