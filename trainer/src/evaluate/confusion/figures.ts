import type { VMeasure } from './v-measure.js';

/** Images by their class (rows) and by the class that something takes them for (columns). */
export interface ConfusionMatrix {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** [rows][columns] */
  readonly counts: readonly (readonly number[])[];
}

/** Matrices of good products and of those with a defect. */
export interface ConfusionMatrices {
  readonly good: ConfusionMatrix;
  readonly defect: ConfusionMatrix;
}

/** How clearly the embeddings tell the classes apart, without knowing them: k-means with as many clusters as there are classes. */
export interface Separation extends VMeasure {
  readonly clusters: number;
  readonly images: number;
}

/** Which class the student reconstructs, by the centroids of the teacher's features. */
export interface ReconstructionFigures {
  /** By the student's features: a column other than the row is inter-class confusion. */
  readonly student: ConfusionMatrices;
  /** By the teacher's own features: what no student can do better than. */
  readonly teacher: ConfusionMatrices;
  /** Share of images whose student features are nearest to their own class; of the classes that the model knows. */
  readonly reconstructedAsOwn: number | null;
  /** The same of the teacher's features. */
  readonly seenAsOwn: number | null;
}

/** How a model confuses classes with each other. */
export interface ClassConfusion {
  /** By the class that the nearest centroid of the embedding names; the last column holds unknown products. */
  readonly recognised: ConfusionMatrices;
  /** null with fewer than two classes. */
  readonly separation: Separation | null;
  /** null without the run that the model came from. */
  readonly reconstruction: ReconstructionFigures | null;
}
