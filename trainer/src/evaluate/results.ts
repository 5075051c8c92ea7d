import type { Decision } from '@beltsight/sdk/bundle';
import { z } from 'zod';
import type { Mask } from '../data/mask.js';
import type { ClassConfusion } from './confusion/figures.js';
import type { CoverageReport } from './coverage/coverage.js';
import type { Recognition } from './coverage/recognition.js';
import type { UnknownReport } from './coverage/unknown.js';

/** One test image as the bundle judged it. */
export interface ImageResult {
  readonly file: string;
  /** Kind of defect; undefined for a good product. */
  readonly defect?: string;
  /** Ground truth of a defect, where there is one. */
  readonly mask?: Mask;
  readonly score: number;
  /** [D] */
  readonly embedding: Float32Array;
  readonly decision: Decision;
}

/** Metrics as fractions of 1; null where they are undefined (no defects, no masks). */
export interface ClassMetrics {
  readonly imageAuroc: number | null;
  readonly imageAp: number | null;
  readonly imageF1: number | null;
  readonly pixelAuroc: number | null;
  readonly pixelAp: number | null;
  readonly pixelF1: number | null;
  readonly aupro: number | null;
}

/** Names of the metrics in the order in which people read them. */
export const METRICS = ['imageAuroc', 'imageAp', 'imageF1', 'pixelAuroc', 'pixelAp', 'pixelF1', 'aupro'] as const;

/** Schema of an object with `figure` for each metric; further keys are left unread, where a record would refuse them. */
export const metricsSchema = <Figure extends z.ZodType>(figure: Figure) =>
  z.object(Object.fromEntries(METRICS.map((metric) => [metric, figure])) as Record<(typeof METRICS)[number], Figure>);

/** What people call them. */
export const METRIC_NAMES: Readonly<Record<(typeof METRICS)[number], string>> = {
  imageAuroc: 'I-AUROC',
  imageAp: 'I-AP',
  imageF1: 'I-F1',
  pixelAuroc: 'P-AUROC',
  pixelAp: 'P-AP',
  pixelF1: 'P-F1',
  aupro: 'AUPRO',
};

/** Images by truth and verdict. */
export interface Confusion {
  readonly good: Readonly<Record<'pass' | 'reject' | 'unknown', number>>;
  readonly defect: Readonly<Record<'pass' | 'reject' | 'unknown', number>>;
}

export interface ClassResult extends ClassMetrics {
  readonly images: number;
  readonly defects: number;
  /** Defect images with a mask: pixel metrics and AUPRO leave the others out. */
  readonly masks: number;
  readonly confusion: Confusion;
  /** Share of good test images that were rejected or called unknown; null without good test images. */
  readonly falseRejectRate: number | null;
  /** Share of test images recognised as this class; unknowns count as not recognised. */
  readonly recognised: number;
  /** Scores at or above it are rejected; null where the model was not trained on the class. */
  readonly threshold: number | null;
}

/** What beltsight evaluate writes as JSON. */
export interface Evaluation {
  readonly schema: 'beltsight.evaluation/1';
  readonly modelId: string;
  readonly name: string;
  readonly data: readonly string[];
  readonly classes: Readonly<Record<string, ClassResult>>;
  readonly mean: ClassMetrics;
  /** False rejects of good images against what calibration promises. */
  readonly coverage: CoverageReport;
  readonly recognition: Recognition;
  /** Rejection of products that the bundle does not know. */
  readonly unknown: UnknownReport;
  /** How classes are confused with each other. */
  readonly classConfusion: ClassConfusion;
}

/** Mean over the classes that have the metric. */
export function meanMetrics(classes: readonly ClassMetrics[]): ClassMetrics {
  const entries = METRICS.map((metric) => {
    const values = classes.flatMap((c) => (c[metric] === null ? [] : [c[metric]]));
    return [metric, values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length] as const;
  });
  return Object.fromEntries(entries) as unknown as ClassMetrics;
}

/** Counts images by truth and verdict. */
export function confusionOf(results: readonly ImageResult[]): Confusion {
  const count = (defective: boolean) => {
    const verdicts = { pass: 0, reject: 0, unknown: 0 };
    for (const { defect, decision } of results) if ((defect !== undefined) === defective) verdicts[decision.verdict]++;
    return verdicts;
  };
  return { good: count(false), defect: count(true) };
}
