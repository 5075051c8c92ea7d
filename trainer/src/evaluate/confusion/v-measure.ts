/** How well clusters and classes agree; each 0..1, 1 is perfect. */
export interface VMeasure {
  /** 1: every cluster holds one class alone. */
  readonly homogeneity: number;
  /** 1: every class lies in one cluster. */
  readonly completeness: number;
  /** Harmonic mean of both. */
  readonly vMeasure: number;
}

/**
 * V-measure of a clustering (Rosenberg and Hirschberg 2007, beta = 1): homogeneity 1 - H(class|cluster)/H(class), completeness
 * 1 - H(cluster|class)/H(cluster), either 1 where its denominator is 0.
 *
 * @param classes true class of each item, whole numbers from 0
 * @param clusters cluster of each item, likewise and as many
 */
export function vMeasure(classes: ArrayLike<number>, clusters: ArrayLike<number>): VMeasure {
  const joint = entropy(Array.from(classes, (label, i) => `${label}/${clusters[i]}`));
  const [ofClasses, ofClusters] = [entropy(Array.from(classes)), entropy(Array.from(clusters))];
  const homogeneity = ofClasses === 0 ? 1 : 1 - (joint - ofClusters) / ofClasses;
  const completeness = ofClusters === 0 ? 1 : 1 - (joint - ofClasses) / ofClusters;
  const sum = homogeneity + completeness;
  return { homogeneity, completeness, vMeasure: sum === 0 ? 0 : (2 * homogeneity * completeness) / sum };
}

/** Entropy of the labels' frequencies in nats. */
function entropy(labels: readonly unknown[]): number {
  const counts = new Map<unknown, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  let sum = 0;
  for (const count of counts.values()) sum -= (count / labels.length) * Math.log(count / labels.length);
  return sum;
}
