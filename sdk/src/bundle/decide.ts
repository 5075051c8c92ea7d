import { BeltsightError } from '../errors.js';
import type { Verdict } from '../messages/result.js';
import type { BundleClass, BundleManifest } from './manifest.js';

/** What a model said of one image. */
export interface ModelOutput {
  readonly score: number;
  /** [D] */
  readonly embedding: ArrayLike<number>;
}

export interface Decision {
  readonly verdict: Verdict;
  /** null where the product is unknown. */
  readonly className: string | null;
  readonly classSource: 'recognised' | 'recipe';
  /** Cosine distance of the embedding to the nearest (or named) class centroid, 0..2: a number, whatever the embedding is. */
  readonly distance: number;
  /** Score from which the class is rejected; null where the product is unknown. */
  readonly threshold: number | null;
  /** (1 + number of calibration scores that are at least as high) / (n + 1); null where the product is unknown. */
  readonly pValue: number | null;
}

/** The largest cosine distance. */
const FARTHEST = 2;

/**
 * Names the class by the nearest centroid (or takes the recipe's word), and compares the score with its threshold.
 * @throws BeltsightError ARGUMENT_INVALID if the recipe names a class the bundle does not have
 */
export function decide(output: ModelOutput, manifest: Pick<BundleManifest, 'classes'>, recipe?: string): Decision {
  const { known, distance } =
    recipe === undefined ? nearestClass(output, manifest.classes) : named(recipe, output, manifest.classes);
  const classSource = recipe === undefined ? 'recognised' : 'recipe';
  // A recipe is the operator's word: the distance is reported, but does not overrule it.
  if (recipe === undefined && distance > known.maxDistance) {
    return { verdict: 'unknown', className: null, classSource, distance, threshold: null, pValue: null };
  }
  // A score that is no number, or none that a model can mean, must never pass.
  const score = Number.isFinite(output.score) ? output.score : Number.POSITIVE_INFINITY;
  const verdict = score < known.threshold ? 'pass' : 'reject';
  const pValue = conformalP(score, known.calibration);
  return { verdict, className: known.name, classSource, distance, threshold: known.threshold, pValue };
}

/** Cosine distance 1 - cos, 0..2; 1 for a zero vector, 2 for one that is not all numbers. */
export function cosineDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (!Number.isFinite(aa + bb)) return FARTHEST;
  return aa > 0 && bb > 0 ? 1 - dot / Math.sqrt(aa * bb) : 1;
}

/** Split-conformal p-value of `score` against calibration scores of good products. */
export function conformalP(score: number, calibration: readonly number[]): number {
  const atLeast = calibration.reduce((count, value) => count + (value >= score ? 1 : 0), 0);
  return (1 + atLeast) / (calibration.length + 1);
}

/** The class whose centroid an embedding is nearest to, however far, and the cosine distance; `classes` must not be empty. */
export function nearestClass(
  { embedding }: Pick<ModelOutput, 'embedding'>,
  classes: readonly BundleClass[],
): { readonly known: BundleClass; readonly distance: number } {
  let known = classes[0] as BundleClass;
  let distance = Number.POSITIVE_INFINITY;
  for (const candidate of classes) {
    const other = cosineDistance(embedding, candidate.centroid);
    if (other < distance) [known, distance] = [candidate, other];
  }
  return { known, distance };
}

function named(recipe: string, { embedding }: ModelOutput, classes: readonly BundleClass[]) {
  const known = classes.find(({ name }) => name === recipe);
  if (known) return { known, distance: cosineDistance(embedding, known.centroid) };
  const names = classes.map(({ name }) => name).join(', ');
  throw new BeltsightError('ARGUMENT_INVALID', `The model knows no class "${recipe}"; it knows ${names}.`);
}
