import { percent } from '../../report/page.js';
import { escapeHtml, lineChart } from '../../report/svg.js';
import type { UnknownReport, UnknownTrial } from '../unknown.js';
import { namesText, shareText, table } from './text.js';

const LEAVE_ONE_OUT = `Each class in turn is taken out of the bundle, and its good test images should be unknown. The model has been trained on
them, so a product that is really new may be told apart less well: measure with --unknown. What is taken for another class may still be rejected as defective; what passes, nobody notices.`;
const FOREIGN = 'Good images of products that the model was never trained on. What passes, nobody notices.';

/** Rejection of unknown products; nothing where there was nothing to measure it with. */
export function unknownSection({ wronglyUnknown, leaveOneOut, foreign }: UnknownReport): string {
  if (!leaveOneOut && !foreign) return '';
  return `<section><h2>Unknown products</h2><p>Good test images of known classes called unknown: ${shareText(wronglyUnknown)}.</p>
${foreign ? trialText('Never trained on', FOREIGN, foreign) : ''}${leaveOneOut ? trialText('One class left out', LEAVE_ONE_OUT, leaveOneOut) : ''}</section>`;
}

function trialText(title: string, explanation: string, { products, rejected, passed, tradeOff }: UnknownTrial): string {
  const rows = Object.entries(products).map(([name, each]) => [
    escapeHtml(name),
    shareText(each.rejected),
    namesText(each.takenFor),
    shareText(each.passed),
  ]);
  const total = rows.length > 1 ? [['all', shareText(rejected), '', shareText(passed)]] : [];
  const factors = tradeOff.factors.map((point) => [
    point.factor === 1 ? '1 (as shipped)' : point.factor,
    percent(point.rejected),
    percent(point.wronglyUnknown),
  ]);
  const points = tradeOff.roc.map((point) => [point.wronglyUnknown, point.rejected] as const);
  const series = { points, label: `AUROC ${percent(tradeOff.auroc)}` };
  return `<h3>${title}</h3><p class="legend">${explanation}</p>
${table(['product', 'called unknown', 'otherwise taken for', 'passed'], [...rows, ...total])}
<p class="legend">What other distance limits would do, all of them multiplied by a factor:</p>
${table(['limit times', 'unknown products called unknown', 'known good products called unknown'], factors)}
<div class="row">${lineChart('Unknown against known', series, 1, 'known good called unknown', 'unknown found')}</div>`;
}
