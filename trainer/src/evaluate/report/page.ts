import { type ClassMetrics, type Evaluation, METRIC_NAMES, METRICS } from '../results.js';
import { CONFUSION_STYLE } from './confusion/style.js';
import { escapeHtml } from './svg.js';

/** A fraction for people; a dash where it is undefined. */
export const percent = (value: number | null) => (value === null ? '–' : `${(value * 100).toFixed(1)} %`);

const HEADS = [
  ...METRICS.map((metric) => METRIC_NAMES[metric]),
  ...['good', 'defects', 'masks', 'false rejects', 'missed', 'recognised'],
];

const LEGEND = `I: over images, P: over pixels; false rejects and missed defects at the thresholds that the bundle ships.
Pixel figures are over good images and the defects with a mask. In histograms, green is good, red is defective, the dashed line is
the threshold; in heatmaps, red begins at half the threshold, and the ground truth is outlined.`;

/** The whole page around the sections of the classes. */
export function page({ modelId, name, data, classes, mean }: Evaluation, sections: readonly string[]): string {
  const cells = (values: readonly (string | number)[]) => values.map((value) => `<td>${value}</td>`).join('');
  const metrics = (m: ClassMetrics) => METRICS.map((metric) => percent(m[metric]));
  const rows = Object.entries(classes).map(([className, c]) => {
    const missed = c.defects === 0 ? null : c.confusion.defect.pass / c.defects;
    const counts = [c.images - c.defects, c.defects, c.masks];
    const verdicts = [c.falseRejectRate, missed, c.recognised].map(percent);
    return `<tr><th>${escapeHtml(className)}</th>${cells([...metrics(c), ...counts, ...verdicts])}</tr>`;
  });
  const means = `<tr class="mean"><th>mean</th>${cells(metrics(mean))}<td colspan="6"></td></tr>`;
  const title = escapeHtml(name);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}: evaluation</title><style>${STYLE}${CONFUSION_STYLE}</style></head>
<body><header><h1>${title}</h1><p>Model <code>${modelId}</code>, measured on ${data.map(escapeHtml).join(', ')}</p></header>
<div class="scroll"><table><thead><tr><th>class</th>${HEADS.map((head) => `<th>${head}</th>`).join('')}</tr></thead>
<tbody>${rows.join('')}${means}</tbody></table></div>
<p class="legend">${LEGEND}</p>
${sections.join('\n')}</body></html>
`;
}

const STYLE = `
:root{color-scheme:light dark;--line:#2563eb;--good:#16a34a;--defect:#dc2626;--dim:#6b7280;--edge:#8883;--card:#8881}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1180px;padding:0 1rem}
h1{margin:0;font-size:1.7rem}h2{margin:0 0 .25rem;font-size:1.25rem}h3{font-size:1rem;margin:1.2rem 0 .5rem}
header p,section>p,.legend{color:var(--dim);margin:.25rem 0 1rem}.legend{font-size:13px}
section{border-top:1px solid var(--edge);padding:1.5rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%;font-size:13px;white-space:nowrap}
th,td{padding:.35rem .5rem;text-align:right;border-bottom:1px solid var(--edge)}th:first-child{text-align:left}
thead th{color:var(--dim);font-weight:500}.mean{font-weight:600}
.row{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:1rem}
figure{margin:0;padding:.6rem;background:var(--card);border-radius:8px}figcaption{font-size:12px;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.4rem}.pair figcaption{grid-column:1/3;color:var(--dim)}.pair b{color:CanvasText}
img{width:100%;border-radius:4px;display:block}svg{width:100%;display:block}
.curve{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round}.grid{stroke:var(--edge)}.band{fill:var(--line);opacity:.15}
.good{fill:var(--good);opacity:.65}.defect{fill:var(--defect);opacity:.65}
.threshold{stroke:currentColor;stroke-dasharray:4 3;stroke-width:1.5}
.tick,.note{font-size:10px;fill:var(--dim)}.note,.end{text-anchor:end}.note{font-size:12px;fill:currentColor}.middle{text-anchor:middle}
`;
