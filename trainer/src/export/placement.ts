import { createHash } from 'node:crypto';
import type { OnnxGraph, Placement, TensorValue } from '@beltsight/sdk/onnx';
import { foldAffine } from '../graph/passes/fold-affine.js';
import { record } from '../graph/record.js';
import { tf } from '../graph/tfjs.js';
import type { Model } from '../model/network.js';
import type { Teacher } from '../model/teacher/load.js';

/** Constants below this stay in the graph: shapes, axes, scalars, small biases. */
const INLINE_BYTES = 1024;

/**
 * Which weight file a constant goes to: `teacher.weights` for what the teacher alone computes with, `student.weights` for the
 * rest, so that a model retrained on the same teacher shares that file. A constant is the teacher's if a graph of the teacher
 * alone has one of the same content.
 */
export function placementOf(graph: OnnxGraph, model: Model, teacher: Teacher): Placement {
  const teachers = new Set([...teacherGraph(model, teacher).initializers.values()].map(digest));
  const files = new Map(
    [...graph.initializers].map(
      ([name, value]) => [name, teachers.has(digest(value)) ? 'teacher' : 'student'] as const,
    ),
  );
  return (name, sizeBytes) => {
    // Constants in another precision are named after the one they were made from.
    const file = files.get(name) ?? files.get(name.replace(/\.(half|int8|scale|zero)$/, '')) ?? 'student';
    return sizeBytes < INLINE_BYTES ? undefined : `${file}.weights`;
  };
}

function teacherGraph(model: Model, teacher: Teacher): OnnxGraph {
  const { size } = model.config;
  const graph = record('teacher', { image: { shape: [1, 3, size, size], dtype: 'float32' } }, ({ image }) => {
    const images = tf.transpose(image as tf.Tensor4D, [0, 2, 3, 1]);
    const lookup = {
      get(name: string) {
        const { data, shape } = teacher.weights.get(name) as { data: Float32Array; shape: readonly number[] };
        return tf.tensor(data, [...shape]);
      },
    };
    return Object.fromEntries(model.teach(images, lookup).map((tap, i) => [`tap${i}`, tap]));
  });
  return foldAffine(graph);
}

function digest({ dims, data }: TensorValue): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(dims.join()).update(bytes).digest('hex');
}
