import { tf } from '../graph/tfjs.js';
import type { LossConfig } from './config.js';
import { globalLoss } from './global.js';
import { kdLoss } from './kd.js';
import { localLoss } from './local.js';
import type { LocalFeatures } from './match.js';

/** What the losses look at. Features per scale, finest first. */
export interface LossInputs {
  readonly teacher: readonly tf.Tensor4D[];
  readonly student: readonly tf.Tensor4D[];
  readonly local: readonly LocalFeatures[];
  /** Embeddings of originals and augmented views, [B,D]. */
  readonly embedding: tf.Tensor2D | undefined;
  readonly embeddingAugmented: tf.Tensor2D | undefined;
  readonly labels: tf.Tensor1D;
  /** For the `code` variant of the local loss: per scale, the index of an image of another class, int32 [B]. */
  readonly negatives: readonly (tf.Tensor1D | undefined)[];
}

export interface LossTerms {
  readonly total: tf.Scalar;
  readonly kd: tf.Scalar;
  /** Mean of the scales that count, unweighted. */
  readonly local?: tf.Scalar;
  readonly global?: tf.Scalar;
}

/** L_total of CCL eq. (6). */
export function cclLoss(inputs: LossInputs, config: LossConfig): LossTerms {
  const kd = kdLoss(inputs.teacher, inputs.student, config.kd);
  const local = config.local && localOverScales(inputs, config.local);
  const { embedding, embeddingAugmented } = inputs;
  const global =
    config.global && embedding && embeddingAugmented
      ? globalLoss(embedding, embeddingAugmented, inputs.labels, config.global)
      : null;
  let total = kd;
  if (local && config.local) total = tf.add(total, tf.mul(local, config.local.weight));
  if (global && config.global) total = tf.add(total, tf.mul(global, config.global.weight));
  return { total, kd, ...(local ? { local } : {}), ...(global ? { global } : {}) };
}

function localOverScales(
  { local, labels, negatives }: LossInputs,
  config: NonNullable<LossConfig['local']>,
): tf.Scalar {
  const scales = config.scales.map((scale) =>
    localLoss(local[scale - 1] as LocalFeatures, labels, config, negatives[scale - 1]),
  );
  return tf.div(
    scales.reduce((sum, scale) => tf.add(sum, scale)),
    scales.length,
  );
}
