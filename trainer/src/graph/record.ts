import { BeltsightError } from '@beltsight/sdk';
import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { eliminateDeadCode } from './passes/dead-code.js';
import { nameOutputs } from './passes/outputs.js';
import { recordInto } from './recorder/backend.js';
import { Recording, type Target } from './recorder/recording.js';
import type { tf } from './tfjs.js';

/** Element types of a graph input. A uint8 input is a float32 tensor to the recorded function. */
export type RecordDtype = 'float32' | 'int32' | 'bool' | 'uint8';

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: RecordDtype;
}

export interface RecordOptions {
  /** Default: `inference`, which keeps to portable ONNX. */
  readonly target?: Target;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Records `fn` into an ONNX graph: runs it once on tensors that stand for the graph's inputs. Gradients
 * (`tf.grads`, `tf.customGrad`) are recorded like anything else. Tensors made inside, or outside on another tfjs backend,
 * become constants; what depends on constants alone is computed now.
 *
 * @param name name of the graph
 * @param inputs graph inputs by name; shapes are static
 * @param fn the function, over the tfjs API; its results become graph outputs of the same names
 * @throws BeltsightError KERNEL_UNSUPPORTED naming the tfjs kernel and op that cannot be recorded;
 *   GRAPH_INVALID if `fn` reads a recorded tensor's elements
 */
export function record(
  name: string,
  inputs: Readonly<Record<string, TensorSpec>>,
  fn: (tensors: Record<string, tf.Tensor>) => Record<string, tf.Tensor>,
  options: RecordOptions = {},
): OnnxGraph {
  const recording = new Recording(name, options.target ?? 'inference');
  recordInto(recording, (add, read) => {
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([key, spec]) => [key, add(recording.input(key, spec.dtype, spec.shape))] as const),
    );
    for (const [key, tensor] of Object.entries(fn(tensors))) {
      if (key in inputs) {
        throw new BeltsightError('GRAPH_INVALID', `Graph "${name}" has both an input and an output named "${key}".`);
      }
      recording.output(key, read(tensor));
    }
  });
  return nameOutputs(eliminateDeadCode(recording.build(options.metadata ?? {})));
}
