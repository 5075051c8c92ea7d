import { type BundleClass, cosineDistance } from '@beltsight/sdk/bundle';

/** Distances of held-out images vary more in production than in a data set: an unknown product is this much farther. */
const DISTANCE_MARGIN = 2;
/** No class is narrower than this, however alike its held-out images are: cosine distance of sensor noise and small shifts. */
const MIN_DISTANCE = 0.02;

/**
 * Cosine distance from which on a product is unknown: that of the farthest held-out image, doubled, but not beyond halfway to the nearest
 * other centroid where that is farther out than any held-out image.
 */
export function reach(farthest: number, centroid: readonly number[], others: readonly (readonly number[])[]): number {
  const wanted = Math.max(farthest * DISTANCE_MARGIN, MIN_DISTANCE);
  const halfway = Math.min(...others.map((other) => cosineDistance(centroid, other) / 2));
  return Math.min(2, Math.max(farthest * 1.1, Math.min(wanted, halfway), MIN_DISTANCE / 2));
}

/** The classes of a bundle as they would be without one of them: it limits the others no more. Those of earlier bundles stay as they are. */
export function without(name: string, classes: readonly BundleClass[]): BundleClass[] {
  const left = classes.filter((each) => each.name !== name);
  return left.map((each) => {
    if (each.heldOutDistance === undefined) return each;
    const others = left.filter((other) => other !== each).map(({ centroid }) => centroid);
    return { ...each, maxDistance: reach(each.heldOutDistance, each.centroid, others) };
  });
}
