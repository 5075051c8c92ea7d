import { tf } from '../graph/tfjs.js';
import { cosine } from './layers/cosine.js';
import { applySeparable, bilinearMatrix, gaussianMatrix, multiply } from './layers/smooth.js';
import { embed, type Model } from './network.js';
import { EVALUATION, type Weights } from './parameters.js';

/** Standard deviation of the Gaussian over the anomaly map, in pixels (RD, CCL). */
const MAP_SIGMA = 4;

export interface Inference {
  /** Maximum of the smoothed map, [N]. */
  readonly score: tf.Tensor1D;
  /** Smoothed anomaly map, [N,S,S]. */
  readonly map: tf.Tensor3D;
  /** [N,D]. */
  readonly embedding: tf.Tensor2D;
}

/** The model in evaluation: images [N,S,S,3] in 0..1 to score, map and embedding. */
export function infer(model: Model, weights: Weights, images: tf.Tensor4D): Inference {
  const features = model.teach(images, weights);
  const z = model.neck(model.project(features, weights), weights, EVALUATION);
  const student = model.decode(z, weights, EVALUATION);
  const map = anomalyMap(features, student, model.config.size, MAP_SIGMA);
  return { score: tf.max(map, [1, 2]), map, embedding: embed(z) };
}

/**
 * Sum over scales of 1 - cosine(teacher, student), resized bilinearly with aligned corners to [N,size,size] and smoothed by
 * a Gaussian of `sigma` pixels with reflected borders (0: not smoothed). Resizing and smoothing are one matrix per scale.
 */
export function anomalyMap(
  teacher: readonly tf.Tensor4D[],
  student: readonly tf.Tensor4D[],
  size: number,
  sigma: number,
): tf.Tensor3D {
  const maps = teacher.map((feature, scale) => {
    const distance = distanceMap(feature, student[scale] as tf.Tensor4D);
    const resize = bilinearMatrix(distance.shape[1], size);
    return applySeparable(distance, sigma > 0 ? multiply(gaussianMatrix(size, sigma), resize) : resize);
  });
  return maps.reduce((sum, map) => tf.add(sum, map));
}

/** 1 - cosine over channels: [N,h,w]. */
export function distanceMap(teacher: tf.Tensor4D, student: tf.Tensor4D): tf.Tensor3D {
  return tf.sub(1, cosine(teacher, student, 3)) as tf.Tensor3D;
}
