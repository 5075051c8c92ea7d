import { tf } from '../../graph/tfjs.js';

/** Below this norm a vector counts as this long (PyTorch's cosine_similarity). */
const EPSILON = 1e-8;

/** Vectors along `axis` scaled to length 1; a zero vector stays zero. */
export function unit<T extends tf.Tensor>(x: T, axis: number): T {
  const squares = tf.sum(tf.square(x), axis, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squares, EPSILON * EPSILON))) as T;
}

/** Cosine of the angle between `a` and `b` along `axis`, which disappears. */
export function cosine(a: tf.Tensor, b: tf.Tensor, axis: number): tf.Tensor {
  const dot = tf.sum(tf.mul(a, b), axis);
  const squares = tf.mul(tf.sum(tf.square(a), axis), tf.sum(tf.square(b), axis));
  return tf.mul(dot, tf.rsqrt(tf.maximum(squares, EPSILON * EPSILON)));
}
