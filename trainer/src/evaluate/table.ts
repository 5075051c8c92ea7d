import { figuresAligned, plainTable } from '../plain-table.js';
import { type ClassMetrics, type Evaluation, METRIC_NAMES, METRICS } from './results.js';

const percent = (value: number | null) => (value === null ? '-' : (value * 100).toFixed(1));

/** The evaluation as a table for a terminal; metrics in percent. */
export function evaluationTable({ classes, mean }: Evaluation): string {
  const head = [
    'class',
    ...METRICS.map((metric) => METRIC_NAMES[metric]),
    'good/defect/masks',
    'false rejects',
    'missed',
    'recognised',
  ];
  const table = plainTable(head, figuresAligned(head));
  const metrics = (m: ClassMetrics) => METRICS.map((metric) => percent(m[metric]));
  for (const [name, c] of Object.entries(classes)) {
    const missed = c.defects === 0 ? null : c.confusion.defect.pass / c.defects;
    const counts = `${c.images - c.defects}/${c.defects}/${c.masks}`;
    table.push([name, ...metrics(c), counts, percent(c.falseRejectRate), percent(missed), percent(c.recognised)]);
  }
  table.push(['mean', ...metrics(mean), '', '', '', '']);
  return table.toString();
}
