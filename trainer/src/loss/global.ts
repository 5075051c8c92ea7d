import { tf } from '../graph/tfjs.js';
import { unit } from '../model/layers/cosine.js';
import type { GlobalConfig } from './config.js';
import { complement, identityMask, maskedLogSumExp, sameClass } from './masks.js';

/**
 * Global contrastive loss, CCL eq. (5) with eq. (1), or one of the authors' two public versions.
 * @param g embeddings of the originals [B,D]; `augmented` those of the augmented views [B,D]
 * @param labels class of each image, int32 [B]
 */
export function globalLoss(
  g: tf.Tensor2D,
  augmented: tf.Tensor2D,
  labels: tf.Tensor1D,
  config: GlobalConfig,
): tf.Scalar {
  if (config.variant === 'code_v1') return codeFirst(g, augmented, labels, config.tau);
  if (config.variant === 'code_v2') return codeLast(g, labels, config.tau);
  if (config.variant === 'infonce') return infoNce(g, augmented, labels, config.tau);
  if (config.variant === 'n_pairs') return nPairs(g, augmented, labels, config.tau);
  if (config.variant === 'triplet') return triplet(g, augmented, labels, config);
  const perAnchor = globalPerAnchor(g, augmented, labels, config);
  return config.reduction === 'mean' ? tf.mean(perAnchor) : tf.sum(perAnchor);
}

/** L_scl of eq. (1) of every anchor: [2B], or [B] where only originals are anchors. */
export function globalPerAnchor(
  g: tf.Tensor2D,
  augmented: tf.Tensor2D,
  labels: tf.Tensor1D,
  { denominator, anchors, tau }: GlobalConfig,
): tf.Tensor1D {
  const { logits, same, self } = compareViews(g, augmented, labels, tau);
  const rows = anchors === 'both' ? same.shape[0] : g.shape[0];
  const cut = (x: tf.Tensor2D) => tf.slice2d(x, [0, 0], [rows, x.shape[1]]);
  const cosines = cut(logits);
  const positives = cut(tf.mul(same, complement(self)));
  const negatives = cut(complement(same));
  const bound = 1 / tau;
  const logDenominator = () => {
    if (denominator === 'all_but_self') {
      return maskedLogSumExp(cosines, cut(complement(self)), bound, 1).expandDims(1);
    }
    if (denominator === 'neg_only') return maskedLogSumExp(cosines, negatives, bound, 1).expandDims(1);
    // exp(s_ip) of the positive itself joins the negatives: another denominator for every pair.
    const others = tf.sum(tf.mul(tf.exp(tf.sub(cosines, bound)), negatives), 1, true);
    return tf.add(tf.log(tf.add(tf.exp(tf.sub(cosines, bound)), others)), bound);
  };
  const pairs = tf.mul(tf.sub(logDenominator(), cosines), positives);
  return tf.div(tf.sum(pairs, 1), tf.sum(positives, 1));
}

/** First public commit: the denominator has the anchor too; the sum over all pairs is divided by their number. */
function codeFirst(g: tf.Tensor2D, augmented: tf.Tensor2D, labels: tf.Tensor1D, tau: number): tf.Scalar {
  const { logits, same, self } = compareViews(g, augmented, labels, tau);
  const positives = tf.mul(same, complement(self));
  const logDenominator = maskedLogSumExp(logits, tf.onesLike(same), 1 / tau, 1).expandDims(1);
  return tf.div(tf.sum(tf.mul(tf.sub(logDenominator, logits), positives)), tf.sum(positives));
}

/**
 * Last public commit: originals alone, positives include the anchor, and a second term that rewards similarity to OTHER
 * classes. Kept to reproduce its figures, not to be used.
 */
function codeLast(g: tf.Tensor2D, labels: tf.Tensor1D, tau: number): tf.Scalar {
  const normal = unit(g, 1);
  const logits = tf.div(tf.matMul(normal, normal, false, true), tau);
  const same = sameClass(labels);
  const everyone = maskedLogSumExp(logits, tf.onesLike(same), 1 / tau, 1).expandDims(1);
  const surprise = tf.sub(everyone, logits);
  const average = (mask: tf.Tensor) =>
    tf.mean(tf.div(tf.sum(tf.mul(surprise, mask), 1), tf.add(tf.sum(mask, 1), 1e-6)));
  return tf.add(average(same), average(complement(same)));
}

/**
 * InfoNCE (van den Oord et al. 2018; over both views as in SimCLR, Chen et al. 2020): the only positive of a view is the other view of the
 * same image, and every other view is a negative, those of its class too.
 */
function infoNce(g: tf.Tensor2D, augmented: tf.Tensor2D, labels: tf.Tensor1D, tau: number): tf.Scalar {
  const { logits, self } = compareViews(g, augmented, labels, tau);
  const counterpart = otherView(g.shape[0]);
  const everyone = maskedLogSumExp(logits, complement(self), 1 / tau, 1);
  return tf.mean(tf.sub(everyone, tf.sum(tf.mul(logits, counterpart), 1)));
}

/**
 * Multi-class N-pair loss (Sohn 2016, eq. 7): every original is paired with its augmented view, and the augmented views of other
 * classes are its negatives. On cosines / tau instead of unbounded products, so that it needs no penalty on lengths.
 */
function nPairs(g: tf.Tensor2D, augmented: tf.Tensor2D, labels: tf.Tensor1D, tau: number): tf.Scalar {
  const logits = tf.div(tf.matMul(unit(g, 1), unit(augmented, 1), false, true), tau) as tf.Tensor2D;
  const self = identityMask(g.shape[0]);
  const paired = tf.sum(tf.mul(logits, self), 1);
  const everyone = maskedLogSumExp(logits, tf.add(self, complement(sameClass(labels))), 1 / tau, 1);
  return tf.mean(tf.sub(everyone, paired));
}

/**
 * Triplet loss (Schroff et al. 2015, eq. 1) on squared distances of unit vectors. A triplet is an anchor, another view of its class, and a
 * view of another class. Mean over all triplets, or over anchors with the farthest positive and the nearest negative of each (batch
 * hard, Hermans et al. 2017, eq. 5).
 */
function triplet(
  g: tf.Tensor2D,
  augmented: tf.Tensor2D,
  labels: tf.Tensor1D,
  { margin, mining }: Pick<GlobalConfig, 'margin' | 'mining'>,
): tf.Scalar {
  const { logits, same, self } = compareViews(g, augmented, labels, 1);
  const distance = tf.mul(tf.sub(1, logits), 2);
  const positives = tf.mul(same, complement(self));
  if (mining === 'hard') {
    const farthest = tf.max(tf.mul(distance, positives), 1);
    // Distances are at most 4, and so is the margin: with 8 more, what is no negative never counts, even where there is none.
    const nearest = tf.min(tf.add(distance, tf.mul(same, 8)), 1);
    return tf.mean(tf.relu(tf.add(tf.sub(farthest, nearest), margin)));
  }
  const triplets = tf.mul(positives.expandDims(2), complement(same).expandDims(1));
  const excess = tf.relu(tf.add(tf.sub(distance.expandDims(2), distance.expandDims(1)), margin));
  // Without a second class there is no triplet, and nothing to learn.
  return tf.div(tf.sum(tf.mul(excess, triplets)), tf.maximum(tf.sum(triplets), 1));
}

/** 1 where column is the other view of the row's image: [2B,2B]. */
function otherView(images: number): tf.Tensor2D {
  const zero = tf.zeros<tf.Rank.R2>([images, images]);
  const one = identityMask(images);
  return tf.concat2d([tf.concat2d([zero, one], 1), tf.concat2d([one, zero], 1)], 0);
}

/** Cosines / tau between all 2B views, and who is whose class and self: [2B,2B] each. */
function compareViews(g: tf.Tensor2D, augmented: tf.Tensor2D, labels: tf.Tensor1D, tau: number) {
  const views = unit(tf.concat2d([g, augmented], 0), 1);
  return {
    logits: tf.div(tf.matMul(views, views, false, true), tau) as tf.Tensor2D,
    same: sameClass(tf.concat1d([labels, labels])),
    self: identityMask(views.shape[0]),
  };
}
