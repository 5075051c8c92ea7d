import { tf } from '../graph/tfjs.js';
import { unit } from '../model/layers/cosine.js';
import { detach } from '../model/layers/detach.js';
import type { LocalConfig } from './config.js';

/** One scale: projected features of both views and, for searching positives, the encoder's. [B,h,w,C] each. */
export interface LocalFeatures {
  readonly projected: tf.Tensor4D;
  readonly projectedAugmented: tf.Tensor4D;
  readonly encoder: tf.Tensor4D;
  readonly encoderAugmented: tf.Tensor4D;
}

/** Unit feature vectors of a batch, positions flattened: anchors [B,P,C], candidates [2B,P,C] (originals, augmented). */
export interface Views {
  readonly anchors: tf.Tensor3D;
  readonly candidates: tf.Tensor3D;
}

/** [B,h,w,C] -> [B,h*w,C]. */
export function flatten(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, height, width, channels] = x.shape;
  return x.reshape([batch, height * width, channels]);
}

/** Window k = 1: cosine / tau of every anchor position with the same position of every candidate, [B,P,2B]. */
export function alignedPositives({ anchors, candidates }: Views, tau: number): tf.Tensor3D {
  // One small product a position: [P,B,C] x [P,2B,C]^T; no P x P matrix. From channels-first maps that moves a single axis, which ONNX
  // Runtime does seven times as fast as turning all three around.
  const product = tf.matMul(tf.transpose(anchors, [1, 0, 2]), tf.transpose(candidates, [1, 0, 2]), false, true);
  return tf.div(tf.transpose(product, [1, 0, 2]), tau);
}

/**
 * Size of the largest matrix that compares all positions of all images, in bytes (float32 [B,P,2B,P]): several of them are in memory at once
 * in a step. 0 where the configuration compares aligned positions alone.
 * @param size side of the images: the map of scale 1 has a quarter of it, each further one half of that
 */
export function matchingBytes({ variant, k, denominator, scales }: LocalConfig, batch: number, size: number): number {
  if (variant === 'code' || (k === 1 && denominator === 'batch_pos')) return 0;
  const positions = (size / 2 ** (Math.min(...scales) + 1)) ** 2;
  return 8 * batch ** 2 * positions ** 2;
}

/**
 * Positives found in a window, and all cosines / tau they were chosen from: [B,P,2B] and [B,P,2B,P]. The latter grows with
 * the square of positions: for small maps, tests and reproduction.
 */
export function matchedPositives(views: Views, features: LocalFeatures, config: LocalConfig) {
  const logits = tf.div(compare(views), config.tau) as tf.Tensor4D;
  const positions = views.anchors.shape[1];
  const chosen = tf.oneHot(matchIndices(views, features, config), positions, 1, 0, 'float32');
  return { logits, positives: tf.sum(tf.mul(logits, chosen), 3) as tf.Tensor3D };
}

/** index_max of eq. (3): for every anchor position and candidate, the flat index of the best position; int32 [B,P,2B]. */
export function matchIndices(views: Views, features: LocalFeatures, config: LocalConfig): tf.Tensor3D {
  const { encoder, encoderAugmented } = features;
  const searched =
    config.match === 'projected'
      ? { anchors: detach(views.anchors), candidates: detach(views.candidates) }
      : encoderViews(encoder, encoderAugmented);
  return bestInWindow(compare(searched), features.projected.shape, config.k);
}

function encoderViews(encoder: tf.Tensor4D, augmented: tf.Tensor4D): Views {
  const anchors = unit(flatten(encoder), 2);
  return { anchors, candidates: tf.concat3d([anchors, unit(flatten(augmented), 2)], 0) };
}

/** Cosines of all anchor positions with all candidate positions, [B,P,2B,P]. */
function compare({ anchors, candidates }: Views): tf.Tensor4D {
  const [batch, positions, channels] = anchors.shape;
  const count = candidates.shape[0];
  const left = anchors.reshape([batch * positions, channels]);
  const right = candidates.reshape([count * positions, channels]);
  return tf.matMul(left, right, false, true).reshape([batch, positions, count, positions]);
}

/** Cosine of each anchor position with its match in the own augmented view, [B,P]. */
export function ownMatches(
  anchors: tf.Tensor3D,
  augmented: tf.Tensor3D,
  { encoder, encoderAugmented }: LocalFeatures,
  config: LocalConfig,
): tf.Tensor2D {
  if (config.k === 1) return tf.sum(tf.mul(anchors, augmented), 2);
  const chosen = tf.oneHot(ownMatchIndices(encoder, encoderAugmented, config.k), anchors.shape[1], 1, 0, 'float32');
  return tf.sum(tf.mul(tf.matMul(anchors, augmented, false, true), chosen), 2);
}

/** index_max of the own augmented view by the encoder's features, int32 [B,P]. */
export function ownMatchIndices(encoder: tf.Tensor4D, augmented: tf.Tensor4D, k: LocalConfig['k']): tf.Tensor2D {
  const cosines = tf.matMul(unit(flatten(encoder), 2), unit(flatten(augmented), 2), false, true);
  return bestInWindow(cosines, encoder.shape, k);
}

/** Argmax over the last axis within the window around each anchor position (axis 1); ties go to the lowest index. */
function bestInWindow<T extends tf.Tensor>(
  cosines: tf.Tensor,
  [, height, width]: readonly number[],
  k: LocalConfig['k'],
): T {
  if (k === 'full') return tf.argMax(cosines, -1) as T;
  const positions = cosines.shape.at(-1) as number;
  const shape = cosines.shape.map((_, axis) => (axis === 1 || axis === cosines.rank - 1 ? positions : 1));
  // Cosines are at most 1: minus 4 puts a position outside of the window below all inside.
  const outside = tf.tensor(windowPenalty(height as number, width as number, Math.floor(k / 2)), shape);
  return tf.argMax(tf.sub(cosines, outside), -1) as T;
}

/** 0 inside the window, 4 outside: [P,P]. */
function windowPenalty(height: number, width: number, radius: number): Float32Array {
  const positions = height * width;
  const near = (a: number, b: number) => Math.abs(a - b) <= radius;
  return Float32Array.from({ length: positions * positions }, (_, i) => {
    const [from, to] = [Math.floor(i / positions), i % positions];
    const rows = near(Math.floor(from / width), Math.floor(to / width));
    return rows && near(from % width, to % width) ? 0 : 4;
  });
}
