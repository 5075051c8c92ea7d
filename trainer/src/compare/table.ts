import { METRIC_NAMES } from '../evaluate/results.js';
import { markdownTable, plainTable } from '../plain-table.js';
import { type Comparison, FIGURES, type Figure, percent } from './comparison.js';

const NAMES: Readonly<Record<Figure, string>> = {
  ...METRIC_NAMES,
  falseRejects: 'false rejects',
  missed: 'missed',
  falseAlarms: 'fed-back pictures rejected',
};

/** The comparison as a table for a terminal: means, before and after. */
export function comparisonTable(comparison: Comparison): string {
  const table = plainTable(['mean', 'before', 'after'], 'lrr');
  for (const row of meanRows(comparison)) table.push(row);
  return `${table.toString()}\n${imagesText(comparison)}`;
}

/** The comparison as Markdown: means, and image AUROC, false rejects and misses of each class. */
export function comparisonMarkdown(comparison: Comparison): string {
  const shown = ['imageAuroc', 'falseRejects', 'missed', 'falseAlarms'] as const;
  const classes = Object.entries(comparison.classes).map(([name, figures]) => [
    name,
    ...shown.map((figure) => `${percent(figures[figure].before)} → ${percent(figures[figure].after)}`),
  ]);
  return [
    markdownTable(['mean', 'before', 'after'], meanRows(comparison)),
    markdownTable(['class', ...shown.map((figure) => NAMES[figure])], classes),
    imagesText(comparison),
  ].join('\n\n');
}

function meanRows({ mean }: Comparison): string[][] {
  return FIGURES.map((figure) => [NAMES[figure], percent(mean[figure].before), percent(mean[figure].after)]);
}

function imagesText({ before, data, images }: Comparison): string {
  return `Against model ${before.modelId}${before.release === null ? '' : ` (${before.release})`}: ${images.good} good and ${images.defective} defective test images of ${data.join(', ')}, and ${images.feedback} pictures that were fed back and neither trained nor calibrated.`;
}
