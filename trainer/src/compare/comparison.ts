import { z } from 'zod';
import { METRICS } from '../evaluate/results.js';

/** What a model is judged by: the metrics, and the shares of images that its thresholds judge wrong. */
export const FIGURES = [...METRICS, 'falseRejects', 'missed', 'falseAlarms'] as const;
export type Figure = (typeof FIGURES)[number];

const pairSchema = z.object({ before: z.number().nullable(), after: z.number().nullable() });
const figuresSchema = z.record(z.enum(FIGURES), pairSchema);

/** Two models on the same images, as fractions of 1; null where a figure cannot be measured. */
export const comparisonSchema = z.object({
  schema: z.literal('beltsight.comparison/1'),
  before: z.object({ modelId: z.string(), release: z.string().nullable() }),
  data: z.array(z.string()).describe('Folders of the test images.'),
  images: z.object({
    good: z.int().nonnegative(),
    defective: z.int().nonnegative(),
    feedback: z.int().nonnegative().describe('Pictures that were fed back and measure only.'),
  }),
  classes: z.record(z.string(), figuresSchema),
  mean: figuresSchema.describe('Over the classes that have the figure.'),
});
export type Comparison = z.infer<typeof comparisonSchema>;
export type Figures = z.infer<typeof figuresSchema>;

const share = (value: number) => z.number().min(0).max(1).default(value);

/** By how much a model may be worse than the one that it came from and still be released, as fractions of 1. */
export const toleranceSchema = z.strictObject({
  imageAuroc: share(0.01).describe('Fall of the mean image AUROC.'),
  classImageAuroc: share(0.05).describe('Fall of the image AUROC of any class.'),
  falseRejects: share(0.05).describe('Rise of the share of good test images that are rejected.'),
  missed: share(0.05).describe('Rise of the share of defective test images that pass.'),
  falseAlarms: share(0).describe('Rise of the share of fed-back pictures, kept for measuring, that are rejected.'),
});
export type Tolerance = z.infer<typeof toleranceSchema>;

/** Differences smaller than this are rounding. */
const EPSILON = 1e-9;

/** Sentences that say where the model is worse than tolerated, with both numbers; none where it is not. */
export function shortcomings({ classes, mean }: Comparison, tolerance: Tolerance): string[] {
  const judge = (what: string, { before, after }: Figures[Figure], loss: 1 | -1, tolerated: number) => {
    if (before === null || after === null || (after - before) * loss <= tolerated + EPSILON) return [];
    const verb = loss > 0 ? 'rises' : 'falls';
    return [`${what} ${verb} from ${percent(before)} to ${percent(after)} (tolerated: ${percent(tolerated)})`];
  };
  return [
    ...judge('mean image AUROC', mean.imageAuroc, -1, tolerance.imageAuroc),
    ...Object.entries(classes).flatMap(([name, { imageAuroc }]) =>
      judge(`image AUROC of ${name}`, imageAuroc, -1, tolerance.classImageAuroc),
    ),
    ...judge('the share of good products rejected', mean.falseRejects, 1, tolerance.falseRejects),
    ...judge('the share of defects missed', mean.missed, 1, tolerance.missed),
    ...judge('the share of fed-back pictures rejected', mean.falseAlarms, 1, tolerance.falseAlarms),
  ];
}

/** A share for people. */
export function percent(value: number | null): string {
  return value === null ? '-' : `${(value * 100).toFixed(1)} %`;
}
