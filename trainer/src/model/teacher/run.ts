import { tf } from '../../graph/tfjs.js';
import { conv2d, maxPool3x3 } from '../layers/convolution.js';
import type { Weights } from '../parameters.js';
import type { Backbone, ConvLayer } from './table.js';

/** Prefix of teacher weights among all weights of a model. */
export const TEACHER_PREFIX = 'teacher.';

/**
 * Saved outputs of a backbone by name, for images [N,S,S,3] in 0..1.
 * @param weights holds `teacher.<layer>.weight` and `teacher.<layer>.bias` as {@link loadTeacher} gives them
 */
export function runBackbone(backbone: Backbone, images: tf.Tensor4D, weights: Weights): Map<string, tf.Tensor4D> {
  const saved = new Map<string, tf.Tensor4D>();
  const { mean, deviation } = backbone.normalisation;
  let x: tf.Tensor4D = tf.div(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d([...deviation]));
  for (const operation of backbone.operations) {
    switch (operation.do) {
      case 'conv': {
        const source = operation.from === undefined ? x : (saved.get(operation.from) as tf.Tensor4D);
        x = convolve(operation.layer, source, weights);
        if (operation.save !== undefined) saved.set(operation.save, x);
        break;
      }
      case 'maxPool':
        x = maxPool3x3(x);
        break;
      case 'save':
        saved.set(operation.as, x);
        break;
      case 'add': {
        const sum = tf.add(x, saved.get(operation.of) as tf.Tensor4D) as tf.Tensor4D;
        x = operation.relu ? tf.relu(sum) : sum;
      }
    }
  }
  return saved;
}

/** The three taps of a backbone, finest first. */
export function tapFeatures(backbone: Backbone, images: tf.Tensor4D, weights: Weights): tf.Tensor4D[] {
  const saved = runBackbone(backbone, images, weights);
  return backbone.taps.map((tap) => saved.get(tap.name) as tf.Tensor4D);
}

function convolve(layer: ConvLayer, x: tf.Tensor4D, weights: Weights): tf.Tensor4D {
  const filter = weights.get(`${TEACHER_PREFIX}${layer.name}.weight`) as tf.Tensor4D;
  const bias = weights.get(`${TEACHER_PREFIX}${layer.name}.bias`);
  const y = tf.add(linear(layer, x, filter), bias) as tf.Tensor4D;
  if (layer.activation === 'relu6') return tf.relu6(y);
  return layer.activation === 'relu' ? tf.relu(y) : y;
}

function linear(layer: ConvLayer, x: tf.Tensor4D, filter: tf.Tensor4D): tf.Tensor4D {
  if (layer.kind === 'depthwise') return tf.depthwiseConv2d(x, filter, layer.stride, 'same');
  if (layer.padding === 'same') return tf.conv2d(x, filter, layer.stride, 'same');
  return conv2d(x, filter, { stride: layer.stride, padding: (layer.kernel - 1) / 2 });
}
