import { figuresAligned, markdownTable, plainTable } from '../../plain-table.js';
import type { PrecisionFigures, PrecisionReport } from './report.js';

const HEAD = [
  'precision',
  'weights',
  'I-AUROC',
  'score drift',
  'largest',
  'p-value change',
  'largest',
  'verdicts changed',
];

/** The report as a table for a terminal; shares in percent. */
export function precisionTable({ images, precisions }: PrecisionReport): string {
  const table = plainTable(HEAD, figuresAligned(HEAD));
  for (const figures of precisions) table.push(cells(figures));
  return `${table.toString()}\nOn ${images.good} good and ${images.defective} defective images: ${images.source}.`;
}

/** The report as a table of Markdown. */
export function precisionMarkdown({ images, precisions }: PrecisionReport): string {
  return `${markdownTable(HEAD, precisions.map(cells))}\n\nOn ${images.good} good and ${images.defective} defective images: ${images.source}.`;
}

function cells({ precision, weightBytes, imageAuroc, change }: PrecisionFigures): string[] {
  const percent = (share: number, digits: number) => `${(share * 100).toFixed(digits)} %`;
  const changes = change
    ? [
        percent(change.drift.mean, 2),
        percent(change.drift.max, 2),
        change.pValue.mean.toFixed(3),
        change.pValue.max.toFixed(3),
        String(change.verdicts),
      ]
    : ['-', '-', '-', '-', '-'];
  const megabytes = `${(weightBytes / 1e6).toFixed(1)} MB`;
  return [precision, megabytes, imageAuroc === null ? '-' : percent(imageAuroc, 1), ...changes];
}
