import type { tf } from '../../graph/tfjs.js';

/** A tensor the optimiser changes; its group picks the learning rate. */
interface Trainable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly group: string;
}

/** A BatchNorm running statistic. */
interface Statistic {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor that never changes: a teacher weight. */
interface Frozen {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensors by name: parameters, statistics and frozen weights. */
export interface Lookup {
  get(name: string): tf.Tensor;
}

/** How layers with a training mode behave; new running statistics go to `update`. */
export interface StepMode {
  readonly training: boolean;
  readonly update?: (name: string, value: tf.Tensor) => void;
}

/** Images [B,S,S,3] in 0..1 and their labels [B]. */
export interface BatchTensors {
  readonly images: tf.Tensor4D;
  readonly augmented: tf.Tensor4D | undefined;
  readonly labels: tf.Tensor1D;
  readonly negatives: tf.Tensor1D | undefined;
}

/** Scalars. A term that the loss does not use is absent. */
export interface LossTensors {
  readonly total: tf.Scalar;
  readonly kd: tf.Scalar;
  readonly local?: tf.Scalar | undefined;
  readonly global?: tf.Scalar | undefined;
}

/** What is trained, as plain functions over the tfjs API: engines only decide where they run. */
export interface TrainingProgram {
  /** Images a step. */
  readonly batch: number;
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Inputs that the loss reads beside images and labels. */
  readonly needs: { readonly augmented: boolean; readonly negatives: boolean };
  readonly parameters: readonly Trainable[];
  readonly statistics: readonly Statistic[];
  readonly frozen: ReadonlyMap<string, Frozen>;
  loss(batch: BatchTensors, weights: Lookup, mode: StepMode): LossTensors;
  /** Distillation loss of each image, [B]. */
  validate(images: tf.Tensor4D, weights: Lookup): tf.Tensor1D;
}

/** Adam with one learning rate per parameter group, after clipping the global gradient norm. */
export interface OptimizerConfig {
  readonly learningRates: Readonly<Record<string, number>>;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Gradients are scaled down to this global norm; Infinity for none. */
  readonly clipNorm: number;
  /** Steps over which learning rates fall to zero along half a cosine (Loshchilov & Hutter 2017); absent: they stay. */
  readonly decaySteps?: number | undefined;
}

/** Paper values: Adam (0.5, 0.999), 0.001 for the projector and 0.005 for the rest, global-norm clip 5. */
export const DEFAULT_OPTIMIZER: OptimizerConfig = {
  learningRates: { projector: 0.001, student: 0.005 },
  betas: [0.5, 0.999],
  epsilon: 1e-8,
  clipNorm: 5,
};
