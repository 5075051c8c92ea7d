import { tf } from '../../graph/tfjs.js';

/** What PyTorch adds to a variance before taking its root. */
const EPSILON = 1e-5;

export interface Moments {
  readonly mean: tf.Tensor;
  /** Biased variance (divided by n). */
  readonly variance: tf.Tensor;
}

/** Mean and biased variance of [N,H,W,C] over `axes`, kept as axes of size 1. */
export function moments(x: tf.Tensor4D, axes: number[]): Moments {
  const mean = tf.mean(x, axes, true);
  return { mean, variance: tf.mean(tf.square(tf.sub(x, mean)), axes, true) };
}

/**
 * x -> (x - mean) / sqrt(variance + eps), with the gradient through mean and variance written out:
 * dx = r (dy - mean(dy) - xhat mean(dy xhat)), r = 1 / sqrt(variance + eps). Composed by automatic differentiation
 * the same gradient takes more than twice as many passes over the map.
 */
function standardise(x: tf.Tensor4D, { mean, variance }: Moments, axes: number[]): tf.Tensor4D {
  const inverse = tf.rsqrt(variance.add(EPSILON));
  const apply = tf.customGrad((input, save) => {
    const output = tf.mul(tf.sub(input as tf.Tensor, mean), inverse);
    (save as tf.GradSaveFunc)([output, inverse]);
    return {
      value: output,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [normal, scale] = saved as [tf.Tensor, tf.Tensor];
        const slope = tf.mean(tf.mul(dy, normal), axes, true);
        return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, axes, true)), tf.mul(normal, slope)), scale);
      },
    };
  });
  return apply(x) as tf.Tensor4D;
}

/** Batch normalisation with the moments of this batch (training). `gamma`, `beta`: [C]. */
export function batchNormTraining(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor, stats: Moments): tf.Tensor4D {
  return standardise(x, stats, [0, 1, 2]).mul(gamma).add(beta);
}

/** Batch normalisation with running estimates (evaluation): one multiplication and one addition. */
export function batchNormEvaluation(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor, stats: Moments): tf.Tensor4D {
  const scale = gamma.mul(tf.rsqrt(stats.variance.add(EPSILON)));
  return x.mul(scale).add(beta.sub(stats.mean.mul(scale)));
}

/** Instance normalisation without parameters: every image and channel on its own. */
export function instanceNorm(x: tf.Tensor4D): tf.Tensor4D {
  return standardise(x, moments(x, [1, 2]), [1, 2]);
}

/** PyTorch's share of a new batch in the running estimates. */
const MOMENTUM = 0.1;

/** Running estimates after one more batch of `count` elements a channel; the variance enters unbiased. */
export function updateRunning(running: Moments, batch: Moments, count: number): Moments {
  const channels = running.mean.shape;
  const blend = (old: tf.Tensor, next: tf.Tensor) => old.mul(1 - MOMENTUM).add(next.mul(MOMENTUM));
  return {
    mean: blend(running.mean, batch.mean.reshape(channels)),
    variance: blend(running.variance, batch.variance.reshape(channels).mul(count / Math.max(1, count - 1))),
  };
}
