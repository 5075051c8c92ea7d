import { METRIC_NAMES } from '../evaluate/results.js';
import { markdownTable } from '../plain-table.js';
import { CLASS_FIGURES } from './result.js';
import type { FigureName, Row, Spread } from './summary.js';

const NAMES: Readonly<Record<FigureName, string>> = {
  ...METRIC_NAMES,
  falseRejectRate: 'false rejects',
  missed: 'missed',
  recognised: 'recognised',
};

/** Rows with a figure in them. */
const begun = (rows: readonly Row[]) => rows.filter(({ done }) => done > 0);

/** Rows and columns of text: of the mean over classes, all figures in percent. Combinations without a finished seed are left out. */
export function meanTable(axes: readonly string[], rows: readonly Row[]): { head: string[]; rows: string[][] } {
  return {
    head: [...axes, ...CLASS_FIGURES.map((figure) => NAMES[figure]), 'seeds', 'steps', 'minutes'],
    rows: begun(rows).map(({ values, mean, done, wanted, steps, seconds }) => [
      ...values,
      ...CLASS_FIGURES.map((figure) => spreadText(mean[figure])),
      `${done}/${wanted}`,
      steps === null ? '-' : steps.toFixed(0),
      seconds === null ? '-' : (seconds / 60).toFixed(1),
    ]),
  };
}

/** One figure of every class. */
function classTable(
  axes: readonly string[],
  rows: readonly Row[],
  figure: FigureName,
): { head: string[]; rows: string[][] } {
  const classes = [...new Set(rows.flatMap((row) => [...row.classes.keys()]))];
  return {
    head: [...axes, ...classes, 'mean'],
    rows: rows.map((row) => [
      ...row.values,
      ...classes.map((name) => spreadText(row.classes.get(name)?.[figure] ?? null)),
      spreadText(row.mean[figure]),
    ]),
  };
}

/** The whole table as Markdown: means, then image AUROC, pixel AUROC and AUPRO of each class. */
export function sweepMarkdown(axes: readonly string[], rows: readonly Row[]): string {
  const shown = begun(rows);
  const perClass = (['imageAuroc', 'pixelAuroc', 'aupro'] as const).flatMap((figure) => [
    `## ${NAMES[figure]} of each class`,
    asMarkdown(classTable(axes, shown, figure)),
  ]);
  const missing = rows.length - shown.length;
  const note = [
    'In percent, mean ± standard deviation over seeds. The mean over classes is taken for each seed.',
    ...(missing === 0 ? [] : [`Combinations without a finished seed are left out: ${missing} of ${rows.length}.`]),
  ].join(' ');
  return `${[note, '## Mean over classes', asMarkdown(meanTable(axes, shown)), ...perClass].join('\n\n')}\n`;
}

/** Everything in long form, for other programs: a line a row, class and figure; figures as fractions of 1. */
export function sweepCsv(axes: readonly string[], rows: readonly Row[]): string {
  const lines = rows.flatMap((row) =>
    [...row.classes, ['mean', row.mean] as const].flatMap(([name, spreads]) =>
      CLASS_FIGURES.flatMap((figure) => {
        const spread = spreads[figure];
        return spread === null
          ? []
          : [[...row.values, name, figure, spread.mean, spread.deviation ?? '', spread.seeds]];
      }),
    ),
  );
  return [[...axes, 'class', 'figure', 'mean', 'deviation', 'seeds'], ...lines]
    .map((line) => `${line.map(csvField).join(',')}\n`)
    .join('');
}

/** RFC 4180, section 2. */
const csvField = (value: string | number) =>
  typeof value === 'string' && /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value);

function spreadText(spread: Spread | null): string {
  if (spread === null) return '-';
  const percent = (value: number) => (value * 100).toFixed(1);
  return spread.deviation === null ? percent(spread.mean) : `${percent(spread.mean)} ± ${percent(spread.deviation)}`;
}

const asMarkdown = ({ head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] }) =>
  markdownTable(head, rows);
