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

/** Cosines / tau between all 2B views, and who is whose class and self: [2B,2B] each. */
function compareViews(g: tf.Tensor2D, augmented: tf.Tensor2D, labels: tf.Tensor1D, tau: number) {
  const views = unit(tf.concat2d([g, augmented], 0), 1);
  return {
    logits: tf.div(tf.matMul(views, views, false, true), tau) as tf.Tensor2D,
    same: sameClass(tf.concat1d([labels, labels])),
    self: identityMask(views.shape[0]),
  };
}
