import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { Bundle, BundleClass } from '@beltsight/sdk/bundle';
import { z } from 'zod';
import { type Comparison, comparisonSchema } from '../compare/comparison.js';
import { comparisonMarkdown } from '../compare/table.js';
import type { RunOrigin, TrainedRun } from '../train/run.js';
import type { PrecisionDetails } from './precision/reduce.js';
import type { PrecisionReport } from './precision/report.js';
import { precisionMarkdown } from './precision/table.js';

/** Path of the card for programs in a bundle. */
export const CARD = 'model-card.json';

/** What a bundle says of itself to people: how it was made and what can be expected of it. */
export interface ModelCard {
  readonly name: string;
  readonly createdAt: string;
  readonly training: TrainedRun['run']['config'];
  readonly versions: Readonly<Record<string, string>>;
  readonly bestEpoch: number;
  readonly heldOutLoss: number;
  readonly teacher: {
    readonly architecture: string;
    readonly source: string;
    readonly licence: string;
    readonly sha256: string;
  };
  readonly dataDigest: string;
  /** What a later training can go on from. */
  readonly run: RunReference;
  /** What the training started from; null: from nothing. */
  readonly from: RunOrigin | null;
  /** Against the model that the training started from; null where there is none, or nobody compared. */
  readonly comparison: Comparison | null;
  readonly classes: readonly ClassCard[];
  /** Largest difference between exported scores and the trainer's own forward pass on the golden samples. */
  readonly exportDifference: number;
  readonly precision: PrecisionCard;
}

/** The arithmetic of the model file: what was done to it and what that costs; `report` is null where nothing was compared. */
interface PrecisionCard {
  readonly details: PrecisionDetails;
  readonly report: PrecisionReport | null;
}

/** Where a run was, and the SHA-256 of its weights. */
export type RunReference = z.infer<typeof runReferenceSchema>;
const runReferenceSchema = z.object({ folder: z.string(), weights: z.string().regex(/^[0-9a-f]{64}$/) });

/** What programs ask of the card of a bundle, which may be an older one. */
const cardFactsSchema = z.object({
  run: runReferenceSchema.optional(),
  from: z.object({ modelId: z.string(), release: z.string().nullable() }).nullish(),
  comparison: comparisonSchema.nullish(),
});
export type CardFacts = z.infer<typeof cardFactsSchema>;

interface ClassCard {
  readonly name: string;
  readonly trainedOn: number;
  /** How many of these were fed back. */
  readonly fedBack: number;
  readonly calibratedOn: number;
  readonly threshold: number;
  readonly falseRejectRate: { readonly wanted: number; readonly attained: number };
}

export interface CardParts {
  readonly name: string;
  readonly createdAt: string;
  /** Run folder. */
  readonly folder: string;
  readonly trained: TrainedRun;
  readonly classes: readonly BundleClass[];
  readonly exportDifference: number;
  readonly precision: PrecisionCard;
  readonly comparison: Comparison | null;
}

export function modelCard(parts: CardParts): ModelCard {
  const { name, createdAt, trained, classes, exportDifference, precision, comparison } = parts;
  const { run, best, sha256: weights } = trained;
  const { metadata, sha256 } = run.teacher;
  return {
    name,
    createdAt,
    training: run.config,
    versions: run.versions,
    bestEpoch: best.epoch + 1,
    heldOutLoss: best.heldOutLoss,
    teacher: {
      architecture: run.model.teacher,
      source: metadata.source ?? 'not stated by its file',
      licence: metadata.license ?? metadata.licence ?? 'not stated by its file',
      sha256,
    },
    dataDigest: run.dataDigest,
    run: { folder: resolve(parts.folder), weights },
    from: run.from ?? null,
    comparison,
    classes: classes.map(({ name: className, threshold, falseRejectRate, calibration }, i) => ({
      name: className,
      trainedOn: run.classes[i]?.train.length ?? 0,
      fedBack: run.classes[i]?.feedback.train.length ?? 0,
      calibratedOn: calibration.length,
      threshold,
      falseRejectRate,
    })),
    exportDifference,
    precision,
  };
}

/**
 * What the card of a bundle says to programs; nothing where a bundle has none.
 * @throws BeltsightError BUNDLE_INVALID if it cannot be understood
 */
export async function readCard({ manifest, file }: Bundle): Promise<CardFacts> {
  if (!(CARD in manifest.files)) return {};
  try {
    return cardFactsSchema.parse(JSON.parse(new TextDecoder().decode(await file(CARD))));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new BeltsightError(
      'BUNDLE_INVALID',
      `${CARD} of the bundle is damaged or of another version: export again.\n${why}`,
      { cause },
    );
  }
}

/** The card as a page of Markdown. */
export function cardText(card: ModelCard): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const rows = card.classes.map(
    (c) =>
      `| ${c.name} | ${c.trainedOn}${c.fedBack > 0 ? ` (${c.fedBack} fed back)` : ''} | ${c.calibratedOn} | ${c.threshold.toFixed(4)} | ${percent(c.falseRejectRate.wanted)} | ${percent(c.falseRejectRate.attained)} |`,
  );
  const { details, report } = card.precision;
  return `# ${card.name}

Visual anomaly inspection model, trained on good products alone. Made ${card.createdAt}.

| class | trained on | calibrated on | threshold | false rejects wanted | promised |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

The promise of false rejects holds for products like those the thresholds were calibrated on; another camera, light or
position needs new pictures.
${comparisonText(card)}
## Arithmetic

${PRECISION_TEXT[details.precision](details as never)}${report ? `\n\n${precisionMarkdown(report)}` : ''}

## Origin

- Loss: ${card.training.loss}; input ${card.training.size}x${card.training.size}; best epoch ${card.bestEpoch}, held-out distillation loss ${card.heldOutLoss.toFixed(4)}
- Teacher: ${card.teacher.architecture}, ${card.teacher.source}; licence: ${card.teacher.licence}
- Training data digest: ${card.dataDigest}
- Exported scores differ from the trainer's by at most ${card.exportDifference.toExponential(1)}
`;
}

function comparisonText({ from, comparison }: ModelCard): string {
  if (!from) return '';
  const start = from.release ?? `model ${from.modelId}`;
  const figures = comparison ? comparisonMarkdown(comparison) : 'It was not compared with the model that it came from.';
  return `\n## Before and after\n\nTrained further from ${start}.\n\n${figures}\n`;
}

const PRECISION_TEXT: {
  readonly [P in PrecisionDetails['precision']]: (details: Extract<PrecisionDetails, { precision: P }>) => string;
} = {
  fp32: () => 'Single precision.',
  fp16: ({ operators, halfOperators, keptBack }) =>
    `Half precision in ${halfOperators} of ${operators} operators; single precision for norms, cosines, reductions and smoothing${keptBack.length === 0 ? '' : `, and for ${keptBack.join(', ')}, whose results are too large`}.`,
  int8: ({ layers, quantised, ranges, keptBack }) =>
    `8-bit integers in ${quantised} of ${layers} convolutions; ranges by ${ranges}. Kept back: ${keptBack.length === 0 ? 'none' : keptBack.map(({ layer }) => layer).join(', ')}.`,
};
