import { tf } from '../../graph/tfjs.js';
import type { OptimizerConfig } from './program.js';

/** Parameters that are updated together and their moments, of equal shape. */
export interface Moments {
  readonly parameters: tf.Tensor;
  readonly moment1: tf.Tensor;
  readonly moment2: tf.Tensor;
}

/** Global 2-norm of several gradients, a scalar. A recorded one asks for them from the last to the first. */
export function globalNorm(gradients: readonly tf.Tensor[]): tf.Scalar {
  const squares = (gradient: tf.Tensor) => tf.sum(tf.square(gradient)) as tf.Scalar;
  const [first, ...rest] = gradients;
  return tf.sqrt(
    rest.reduce<tf.Scalar>((sum, gradient) => tf.add(sum, squares(gradient)), squares(first as tf.Tensor)),
  );
}

/**
 * Factor that brings gradients of `norm` down to `maxNorm`, at most 1, as torch.nn.utils.clip_grad_norm_ computes it
 * (the 1e-6 is its guard against a zero norm).
 */
export function clipFactor(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  return tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1);
}

/** What decay and Adam's bias correction make of the step number (from 1): numbers that the step receives as inputs. */
export function adamRates(config: OptimizerConfig, group: string, step: number): { rate: number; root: number } {
  const [beta1, beta2] = config.betas;
  const learningRate = (config.learningRates[group] ?? Number.NaN) * decay(config, step);
  return { rate: learningRate / (1 - beta1 ** step), root: 1 / Math.sqrt(1 - beta2 ** step) };
}

/** Share of the learning rate that is left at a step. */
function decay({ decaySteps }: OptimizerConfig, step: number): number {
  return decaySteps === undefined ? 1 : (1 + Math.cos((Math.PI * Math.min(step - 1, decaySteps)) / decaySteps)) / 2;
}

/**
 * One Adam step (Kingma & Ba 2015, algorithm 1, epsilon outside the corrected root as in PyTorch).
 * @param gradient unscaled; `factor` scales it (clipping)
 * @param rate learning rate / (1 - beta1^t), scalar
 * @param root 1 / sqrt(1 - beta2^t), scalar
 */
export function adam(
  { parameters, moment1, moment2 }: Moments,
  gradient: tf.Tensor,
  factor: tf.Scalar,
  rate: tf.Scalar,
  root: tf.Scalar,
  { betas: [beta1, beta2], epsilon }: OptimizerConfig,
): Moments {
  const scaled = tf.mul(gradient, factor);
  const m = tf.add(tf.mul(moment1, beta1), tf.mul(scaled, 1 - beta1));
  const v = tf.add(tf.mul(moment2, beta2), tf.mul(tf.square(scaled), 1 - beta2));
  const step = tf.div(tf.mul(m, rate), tf.add(tf.mul(tf.sqrt(v), root), epsilon));
  return { parameters: tf.sub(parameters, step), moment1: m, moment2: v };
}
