import { beginChart, line } from '../../page/chart.js';
import { drawScores } from '../../page/scores.js';
import type { CameraState } from '../state/model.js';
import { type RateChart, rateChart } from '../state/rates.js';
import { find, say } from './dom.js';
import { percent, ratioText } from './words.js';

/** As many as can be told apart on a screen. */
const SCORES = 150;

let drawn: { readonly points: CameraState['points']; readonly look: string } | undefined;

/** Trends of scores and of the share that did not pass, redrawn where results, size or theme have changed. */
export function renderCharts({ points }: CameraState, theme: string): void {
  const scores = find<HTMLCanvasElement>('scores');
  const look = `${theme} ${scores.clientWidth} ${scores.clientHeight}`;
  if (drawn?.points === points && drawn.look === look) return;
  drawn = { points, look };
  const chart = rateChart(points);
  drawScores(scores, points, SCORES);
  drawRates(find('rates'), chart);
  const last = points.at(-1);
  say(find('ratio'), last ? ratioText(last) : '');
  say(find('share'), points.length === 0 ? '' : shareText(chart));
  scores.ariaLabel = `Score over threshold of the last ${Math.min(SCORES, points.length)} results, now ${last ? ratioText(last) : 'none'}`;
  find('rates').ariaLabel = `Share of products that did not pass: ${shareText(chart)}`;
}

function shareText({ values, upper, centre }: RateChart): string {
  const now = values.at(-1) ?? 0;
  if (upper === undefined) return `${percent(now)} (too few results for limits)`;
  return `${percent(now)}${now > upper ? ', above its limit!' : ''} (mean ${percent(centre)}, limit ${percent(upper)})`;
}

function drawRates(canvas: HTMLCanvasElement, { values, centre, lower, upper }: RateChart): void {
  const { context, width, height, colour } = beginChart(canvas);
  const top = Math.min(1, Math.max(0.05, (upper ?? 0) * 1.4, ...values) * 1.05);
  const y = (share: number) => height - 6 - (share / top) * (height - 20);
  context.fillStyle = colour('muted');
  context.fillText(percent(top), 4, 12);
  if (upper !== undefined) {
    line(context, width, y(centre), colour('line'));
    line(context, width, y(upper), colour('text'), [6, 4]);
    if (lower > 0) line(context, width, y(lower), colour('text'), [6, 4]);
    context.fillText('control limit', 4, y(upper) - 5);
  }
  const above = upper !== undefined && (values.at(-1) ?? 0) > upper;
  context.strokeStyle = colour(above ? 'reject' : 'pass');
  context.lineWidth = above ? 3 : 2;
  context.beginPath();
  for (const [i, value] of values.entries()) {
    context.lineTo(values.length === 1 ? width : (i / (values.length - 1)) * width, y(value));
  }
  context.stroke();
}
