import { tf } from '../graph/tfjs.js';
import { unit } from '../model/layers/cosine.js';
import type { LocalConfig } from './config.js';
import { complement, identityMask, sameClass } from './masks.js';
import { alignedPositives, flatten, type LocalFeatures, matchedPositives, ownMatches, type Views } from './match.js';

/**
 * Local contrastive loss of one scale, CCL eq. (4) with eq. (1) to (3): anchors are all positions of the originals, partners of
 * an image its own augmented view and the other originals of its class, one positive a partner.
 * @param labels class of each image, int32 [B]
 * @param negatives for `code`: index of an image of another class for each image, int32 [B]
 */
export function localLoss(
  features: LocalFeatures,
  labels: tf.Tensor1D,
  config: LocalConfig,
  negatives?: tf.Tensor1D,
): tf.Scalar {
  if (config.variant === 'code') return codeLoss(features, config, negatives as tf.Tensor1D);
  return tf.mean(localPerImage(features, labels, config));
}

/** Mean over positions of L_scl, for each image: [B]. */
export function localPerImage(features: LocalFeatures, labels: tf.Tensor1D, config: LocalConfig): tf.Tensor1D {
  const bound = 1 / config.tau;
  const views = projectedViews(features);
  const { partners, others } = partnerMasks(labels);
  const across = (mask: tf.Tensor2D) => mask.expandDims(1);
  const aligned =
    config.k === 1 || config.denominator === 'batch_pos' ? alignedPositives(views, config.tau) : undefined;
  const matched = config.k === 1 ? undefined : matchedPositives(views, features, config);
  const positives = (matched?.positives ?? aligned) as tf.Tensor3D;
  const exps = (logits: tf.Tensor, mask: tf.Tensor, axes: number[]) =>
    tf.sum(tf.mul(tf.exp(tf.sub(logits, bound)), mask), axes);
  const denominator = () => {
    if (config.denominator === 'batch_pos') {
      return tf.add(exps(positives, across(partners), [2]), exps(aligned as tf.Tensor3D, across(others), [2]));
    }
    const everyone = matched?.logits ?? matchedPositives(views, features, config).logits;
    const mask = config.denominator === 'partners' ? partners : tf.add(partners, others);
    return exps(everyone, mask.expandDims(1).expandDims(3), [2, 3]);
  };
  const logDenominator = tf.add(tf.log(denominator()), bound);
  const mean: tf.Tensor = tf.div(tf.sum(tf.mul(positives, across(partners)), 2), tf.sum(partners, 1, true));
  return tf.mean(tf.sub(logDenominator, mean), 1);
}

/** Originals as anchors, both views as candidates: unit vectors, positions flattened. */
export function projectedViews({ projected, projectedAugmented }: LocalFeatures): Views {
  const anchors = unit(flatten(projected), 2);
  const augmented = unit(flatten(projectedAugmented), 2);
  return { anchors, candidates: tf.concat3d([anchors, augmented], 0) };
}

/**
 * Who partners whom among the 2B candidates, [B,2B]: own augmented view and other originals of the class. `others`: both views
 * of every image of another class.
 */
function partnerMasks(labels: tf.Tensor1D): { partners: tf.Tensor2D; others: tf.Tensor2D } {
  const same = sameClass(labels);
  const self = identityMask(labels.shape[0]);
  const different = complement(same);
  return {
    partners: tf.concat2d([tf.mul(same, complement(self)) as tf.Tensor2D, self], 1),
    others: tf.concat2d([different, different], 1),
  };
}

/** The authors' public code: positive from the own augmented view, negative the same position of one image of another class. */
function codeLoss(features: LocalFeatures, config: LocalConfig, negatives: tf.Tensor1D): tf.Scalar {
  const anchors = unit(flatten(features.projected), 2);
  const augmented = unit(flatten(features.projectedAugmented), 2);
  const positive = tf.div(ownMatches(anchors, augmented, features, config), config.tau);
  const negative = tf.div(tf.sum(tf.mul(anchors, tf.gather(augmented, negatives)), 2), config.tau);
  // -log(e^p / (e^p + e^n + 1e-6)), divided through by e^p: well-separated features make the loss tiny, and its gradient
  // would drown in the rounding of two large logarithms.
  const rest = tf.add(tf.exp(tf.sub(negative, positive)), tf.mul(tf.exp(tf.neg(positive)), 1e-6));
  return tf.mean(tf.log1p(rest));
}
