import { tf } from '../graph/tfjs.js';

/** 1 where row and column have the same label, else 0: [B,B]. Labels are a tensor, so one graph serves every batch. */
export function sameClass(labels: tf.Tensor1D): tf.Tensor2D {
  const size = labels.shape[0];
  return tf.cast(tf.equal(labels.reshape([size, 1]), labels.reshape([1, size])), 'float32') as tf.Tensor2D;
}

export function identityMask(size: number): tf.Tensor2D {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return tf.tensor2d(data, [size, size]);
}

/** 1 - mask. */
export function complement<T extends tf.Tensor>(mask: T): T {
  return tf.sub(1, mask) as T;
}

/**
 * log of the sum of exp(logits) over `axis` where `mask` is 1. `bound` is an upper bound of the logits (1 / tau for
 * cosines), taken out before exp so that nothing overflows.
 */
export function maskedLogSumExp(logits: tf.Tensor, mask: tf.Tensor, bound: number, axis: number): tf.Tensor {
  return tf.add(tf.log(tf.sum(tf.mul(tf.exp(tf.sub(logits, bound)), mask), axis)), bound);
}
