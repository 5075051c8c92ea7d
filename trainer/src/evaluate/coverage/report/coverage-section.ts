import { percent } from '../../report/page.js';
import { escapeHtml, lineChart } from '../../report/svg.js';
import type { Coverage, CoverageReport } from '../coverage.js';
import { rateRange, table } from './text.js';

const HEAD = [
  ...['class', 'wanted', 'calibrated on', 'promised', 'this threshold'],
  ...['good', 'rejected', 'expected', 'measured', 'verdict'],
];

const LEGEND = `Promised: on average over calibrations; all ranges cover 95 %. Rejected: good test images that score at or above the threshold of their own class. A threshold that is calibrated on few images may, by
chance, reject more or less than it promises on average: the fifth column says between which rates. More rejects than are to be expected
mean that the test images differ from those that the threshold was calibrated on: other light, another batch, another position. One class in
twenty falls outside by chance. In the plots, the line is the share of good test images that would be rejected for each wanted rate; right
calibrations stay within the band at 95 % of the rates.`;

/** Promised and measured false rejects; nothing where the bundle knows none of the classes. */
export function coverageSection({ classes, all }: CoverageReport): string {
  if (!all) return '';
  const rows = Object.entries(classes).map(([name, each]) => row(escapeHtml(name), each, rateRange(each.rateInterval)));
  const total = rows.length > 1 ? [row('all', all, '')] : [];
  const plots = [...(rows.length > 1 ? [plot('All classes', all)] : [])];
  for (const [name, each] of Object.entries(classes)) plots.push(plot(name, each));
  return `<section><h2>False rejects: promised and measured</h2>${table(HEAD, [...rows, ...total])}
<p class="legend">${LEGEND}</p><div class="row">${plots.join('')}</div></section>`;
}

function row(name: string, coverage: Coverage, rates: string): (string | number)[] {
  const { wanted, calibrationImages, promised, freshImages, rejected, expectedCounts, verdict } = coverage;
  const measured = `${percent(coverage.measured)} (${rateRange(coverage.measuredInterval)})`;
  const expected = `${expectedCounts[0]}–${expectedCounts[1]}`;
  const fresh = freshImages === 0 ? ['–', '–', '–', '–'] : [rejected, expected, measured, verdict ?? '–'];
  return [name, percent(wanted), calibrationImages, percent(promised), rates, freshImages, ...fresh];
}

function plot(title: string, { curve, freshImages }: Coverage): string {
  if (curve.length === 0) return '';
  const points = curve.map(({ alpha, measured }) => [alpha, measured] as const);
  const band = curve.map(({ alpha, band: [low, high] }) => [alpha, low, high] as const);
  const series = { points: [[0, 0] as const, ...points], band, label: `${freshImages} good images` };
  return lineChart(title, series, 1, 'wanted false-reject rate', 'measured');
}
