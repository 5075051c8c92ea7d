import type { Verdict } from '@beltsight/sdk';
import { beginChart, line } from './chart.js';

/** Ratios above this are drawn at the top. */
const TOP = 2;

export interface Score {
  readonly score: number;
  /** null where no class is known: drawn at the top. */
  readonly threshold: number | null;
  readonly verdict: Verdict;
}

/**
 * Score over threshold of the last results, newest at the right: dots below the line pass, squares above it do not, so that
 * colour is not all that tells them apart.
 * @param slots how many results fill the width
 */
export function drawScores(canvas: HTMLCanvasElement, scores: readonly Score[], slots: number): void {
  const { context, width, height, colour } = beginChart(canvas);
  const y = (ratio: number) => height - 8 - (Math.min(TOP, Math.max(0, ratio)) / TOP) * (height - 16);
  line(context, width, y(1), colour('text'), [6, 4]);
  context.fillStyle = colour('muted');
  context.fillText('threshold', 4, y(1) - 5);
  const last = scores.slice(-slots);
  for (const [i, { score, threshold, verdict }] of last.entries()) {
    const x = 5 + ((slots - last.length + i + 0.5) / slots) * (width - 10);
    const at = y(threshold === null ? TOP : score / threshold);
    context.fillStyle = colour(verdict);
    context.beginPath();
    if (verdict === 'pass') context.arc(x, at, 2, 0, 2 * Math.PI);
    else context.rect(x - 3.5, at - 3.5, 7, 7);
    context.fill();
  }
}
