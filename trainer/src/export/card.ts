import type { BundleClass } from '@beltsight/sdk/bundle';
import type { TrainedRun } from '../train/run.js';
import type { PrecisionDetails } from './precision/reduce.js';
import type { PrecisionReport } from './precision/report.js';
import { precisionMarkdown } from './precision/table.js';

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

interface ClassCard {
  readonly name: string;
  readonly trainedOn: number;
  readonly calibratedOn: number;
  readonly threshold: number;
  readonly falseRejectRate: { readonly wanted: number; readonly attained: number };
}

export function modelCard(
  name: string,
  createdAt: string,
  { run, best }: TrainedRun,
  classes: readonly BundleClass[],
  exportDifference: number,
  precision: PrecisionCard,
): ModelCard {
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
    classes: classes.map(({ name: className, threshold, falseRejectRate, calibration }, i) => ({
      name: className,
      trainedOn: run.classes[i]?.train.length ?? 0,
      calibratedOn: calibration.length,
      threshold,
      falseRejectRate,
    })),
    exportDifference,
    precision,
  };
}

/** The card as a page of Markdown. */
export function cardText(card: ModelCard): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const rows = card.classes.map(
    (c) =>
      `| ${c.name} | ${c.trainedOn} | ${c.calibratedOn} | ${c.threshold.toFixed(4)} | ${percent(c.falseRejectRate.wanted)} | ${percent(c.falseRejectRate.attained)} |`,
  );
  const { details, report } = card.precision;
  return `# ${card.name}

Visual anomaly inspection model, trained on good products alone. Made ${card.createdAt}.

| class | trained on | calibrated on | threshold | false rejects wanted | promised |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

The promise of false rejects holds for products like those the thresholds were calibrated on; another camera, light or
position needs new pictures.

## Arithmetic

${PRECISION_TEXT[details.precision](details as never)}${report ? `\n\n${precisionMarkdown(report)}` : ''}

## Origin

- Loss: ${card.training.loss}; input ${card.training.size}x${card.training.size}; best epoch ${card.bestEpoch}, held-out distillation loss ${card.heldOutLoss.toFixed(4)}
- Teacher: ${card.teacher.architecture}, ${card.teacher.source}; licence: ${card.teacher.licence}
- Training data digest: ${card.dataDigest}
- Exported scores differ from the trainer's by at most ${card.exportDifference.toExponential(1)}
`;
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
