import { TSNE } from '@saehrimnir/druidjs';

/** Its time grows with the square of the points: 500 iterations over 1000 points take seconds, over 2000 half a minute. */
export const MAX_POINTS = 1000;
/** Effective number of neighbours; van der Maaten and Hinton advise 5 to 50. */
const PERPLEXITY = 30;
const ITERATIONS = 500;

/**
 * t-SNE of points to the plane (van der Maaten and Hinton 2008). The same points give the same picture.
 * @param points n of [D], n from 4 to `MAX_POINTS`
 */
export function tsne(points: readonly Float32Array[]): (readonly [x: number, y: number])[] {
  // Towards 1, the only neighbour that counts gets a weight of 0/0.
  const perplexity = Math.min(PERPLEXITY, Math.max(2, (points.length - 1) / 3));
  const rows = points.map((point) => Float64Array.from(point));
  const plane = new TSNE(rows, { perplexity, epsilon: 10, d: 2, seed: 0 }).transform(ITERATIONS);
  return Array.from(plane, (point) => [point[0] as number, point[1] as number] as const);
}
