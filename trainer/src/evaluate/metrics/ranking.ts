import { descendingOrder } from './order.js';

/** How well scores tell positives from negatives; null where one of them is absent. */
export interface Ranking {
  /** Area under the ROC curve; ties count half. */
  readonly auroc: number | null;
  /** Average precision: sum of (R_n - R_n-1) P_n over distinct thresholds (scikit-learn's step sum). */
  readonly ap: number | null;
  /** Largest F1 over all thresholds. */
  readonly f1: number | null;
}

/** One threshold: everything scoring at or above it is called positive. */
export interface OperatingPoint {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
}

/** Calls `visit` after each group of equal scores, from the highest score down. `positive[i]` is 0 or 1. */
export function sweep(
  scores: Float32Array,
  positive: Uint8Array,
  order: Uint32Array,
  visit: (point: OperatingPoint) => void,
): void {
  let [truePositives, falsePositives] = [0, 0];
  for (let i = 0; i < order.length; i++) {
    const item = order[i] as number;
    if (positive[item] === 1) truePositives++;
    else falsePositives++;
    const threshold = scores[item] as number;
    if (i + 1 === order.length || scores[order[i + 1] as number] !== threshold) {
      visit({ threshold, truePositives, falsePositives });
    }
  }
}

/** AUROC, average precision and best F1 of `scores`. */
export function rank(scores: Float32Array, positive: Uint8Array, order = descendingOrder(scores)): Ranking {
  const positives = positive.reduce((sum, value) => sum + value, 0);
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return { auroc: null, ap: null, f1: null };
  let [area, ap, f1] = [0, 0, 0];
  let [lastTrue, lastFalse] = [0, 0];
  sweep(scores, positive, order, ({ truePositives, falsePositives }) => {
    area += ((falsePositives - lastFalse) * (truePositives + lastTrue)) / 2;
    ap += ((truePositives - lastTrue) / positives) * (truePositives / (truePositives + falsePositives));
    f1 = Math.max(f1, (2 * truePositives) / (truePositives + falsePositives + positives));
    [lastTrue, lastFalse] = [truePositives, falsePositives];
  });
  return { auroc: area / positives / negatives, ap, f1 };
}
