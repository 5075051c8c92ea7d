import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { constantTensors } from '../graph/constants.js';
import { foldAffine } from '../graph/passes/fold-affine.js';
import { fuseInstanceNorm } from '../graph/passes/fuse-instance-norm.js';
import { record } from '../graph/record.js';
import { tf } from '../graph/tfjs.js';
import { infer } from '../model/inference.js';
import type { Model } from '../model/network.js';
import type { Weights } from '../model/parameters.js';
import type { Teacher } from '../model/teacher/load.js';

/** A model whose weights become constants of a graph. */
export interface TrainedModel {
  readonly model: Model;
  readonly teacher: Teacher;
  /** Parameters and running statistics by name. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/**
 * The model file's graph: input `image` float32 [N,3,S,S] in 0..1, outputs `score` [N], `map` [N,1,S,S], `embedding` [N,D]. Recorded
 * from the same functions that training runs, in evaluation mode: running statistics are folded into constants.
 * @param weights parameters and running statistics by name
 */
export function inferenceGraph(
  model: Model,
  teacher: Teacher,
  weights: ReadonlyMap<string, Float32Array>,
  batch: number,
  metadata: Readonly<Record<string, string>> = {},
): OnnxGraph {
  const { size } = model.config;
  return modelGraph(
    'beltsight',
    { model, teacher, weights },
    batch,
    (images, constants) => {
      const { score, map, embedding } = infer(model, constants, images);
      return { score, map: map.reshape([batch, 1, size, size]), embedding };
    },
    metadata,
  );
}

/**
 * Any function of a trained model and its images as a graph with the model file's input.
 * @param outputs makes the graph's outputs from images [N,S,S,3] in 0..1
 */
export function modelGraph(
  name: string,
  trained: TrainedModel,
  batch: number,
  outputs: (images: tf.Tensor4D, weights: Weights) => Record<string, tf.Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): OnnxGraph {
  const { size } = trained.model.config;
  const constants = constantsOf(trained);
  return record(
    name,
    { image: { shape: [batch, 3, size, size], dtype: 'float32' } },
    ({ image }) => outputs(tf.transpose(image as tf.Tensor4D, [0, 2, 3, 1]), constants()),
    { target: 'inference', metadata },
  );
}

/**
 * The recorded graph made for inference: factors and terms behind a convolution inside it, instance normalisation as one
 * operator. It computes the same but for rounding.
 */
export function optimised(recorded: OnnxGraph): OnnxGraph {
  return fuseInstanceNorm(foldAffine(recorded));
}

/** All weights of a model as constants, for a recording of its own each. */
function constantsOf({ model, teacher, weights }: TrainedModel): () => Weights {
  const shapes = new Map([...model.parameters, ...model.statistics].map(({ name, shape }) => [name, shape] as const));
  return () =>
    constantTensors((name) => {
      const [data, shape] = [weights.get(name), shapes.get(name)];
      return teacher.weights.get(name) ?? (data && shape && { data, shape });
    });
}
