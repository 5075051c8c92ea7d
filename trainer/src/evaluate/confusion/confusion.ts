import { kmeans } from '../../cluster/kmeans.js';
import type { ImageResult } from '../results.js';
import type { ClassConfusion, ConfusionMatrices, Separation } from './figures.js';
import { columnsFor, confusionMatrix } from './matrix.js';
import { type Reconstruction, reconstructionFigures } from './reconstruction.js';
import { vMeasure } from './v-measure.js';
import { unitLength } from './vectors.js';

/** Column of images that belong to no class the model knows. */
const UNKNOWN = 'unknown product';

/** A class with its test images as the model judged them. */
export interface JudgedClass {
  readonly name: string;
  readonly images: readonly ImageResult[];
}

/**
 * How a model confuses classes.
 * @param judged the classes that were measured
 * @param known names of the classes that the model knows
 * @param reconstructions of all images, where they were made
 */
export function classConfusion(
  judged: readonly JudgedClass[],
  known: readonly string[],
  reconstructions: readonly Reconstruction[] | undefined,
): ClassConfusion {
  return {
    recognised: recognised(judged, known),
    separation: separation(judged),
    reconstruction: reconstructions === undefined ? null : reconstructionFigures(reconstructions, known),
  };
}

function recognised(judged: readonly JudgedClass[], known: readonly string[]): ConfusionMatrices {
  const matrix = (defective: boolean) => {
    const taken = judged.flatMap(({ name, images }) =>
      images
        .filter(({ defect }) => (defect !== undefined) === defective)
        .map(({ decision }) => ({ from: name, to: decision.className ?? UNKNOWN })),
    );
    const rows = judged.map(({ name }) => name);
    return confusionMatrix(rows, [...columnsFor(rows, known), UNKNOWN], taken);
  };
  return { good: matrix(false), defect: matrix(true) };
}

/** V-measure of k-means over directions of the embeddings: distances are cosines, as where classes are recognised. */
function separation(judged: readonly JudgedClass[]): Separation | null {
  if (judged.length < 2) return null;
  const points = judged.flatMap(({ images }) => images.map(({ embedding }) => unitLength(embedding)));
  const labels = judged.flatMap(({ images }, label) => images.map(() => label));
  const { assignments } = kmeans(points, judged.length, 0);
  return { clusters: judged.length, images: points.length, ...vMeasure(labels, assignments) };
}
