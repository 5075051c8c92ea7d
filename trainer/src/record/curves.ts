import { colourOf } from '../evaluate/report/colours.js';
import { escapeHtml } from '../evaluate/report/svg.js';
import type { History } from './history.js';

/** A run to draw, with the name that the legend gives it. */
export interface NamedHistory {
  readonly name: string;
  readonly history: History;
}

type Point = readonly [step: number, value: number];
interface Series {
  readonly points: readonly Point[];
  readonly colour: string;
  readonly marks?: boolean;
}

const PANEL = { width: 300, height: 190, left: 46, right: 10, top: 26, bottom: 30 };
const COLUMNS = 2;
/** More points than this are not told apart. */
const MAX_POINTS = 600;

/** The curves of one run or of several on the same axes, as an SVG image: losses by step, held-out loss by epoch, gradient norm. */
export function curvesSvg(runs: readonly NamedHistory[]): string {
  const term = (key: 'kd' | 'local' | 'global' | 'gradientNorm') =>
    runs.map(({ history }, i) => ({
      points: thinned(history.steps.map((line) => [line.step, line[key]] as const)),
      colour: colourOf(i),
    }));
  const heldOut = runs.map(({ history }, i) => ({
    points: history.epochs.map(({ lastStep, heldOutLoss }) => [lastStep, heldOutLoss] as const),
    colour: colourOf(i),
    marks: true,
  }));
  const panels = [
    ['distillation loss', term('kd')],
    ['held-out distillation loss, after each epoch', heldOut],
    ['local contrastive loss', term('local')],
    ['global contrastive loss', term('global')],
    ['gradient norm', term('gradientNorm')],
  ] as const;
  // A term that a run does not have is zero throughout, and not drawn.
  const drawn = panels
    .map(([title, series]) => [title, series.filter(({ points }) => points.some(([, value]) => value !== 0))] as const)
    .filter(([, series]) => series.length > 0);
  const rows = Math.ceil(drawn.length / COLUMNS);
  const width = COLUMNS * PANEL.width;
  const height = rows * PANEL.height + 24;
  const body = drawn.map(([title, series], i) => {
    const [x, y] = [(i % COLUMNS) * PANEL.width, Math.floor(i / COLUMNS) * PANEL.height];
    return `<g transform="translate(${x} ${y})">${panel(title, series)}</g>`;
  });
  const legend = runs.map(
    ({ name }, i) =>
      `<rect x="${PANEL.left + i * 270}" y="${height - 16}" width="10" height="10" fill="${colourOf(i)}"/><text x="${PANEL.left + 15 + i * 270}" y="${height - 7}">${escapeHtml(name)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui,sans-serif" font-size="10">
<rect width="100%" height="100%" fill="#fff"/>
${[...body, ...legend].join('\n')}
</svg>
`;
}

function panel(title: string, series: readonly Series[]): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const points = series.flatMap((each) => each.points);
  const steps = Math.max(1, ...points.map(([step]) => step));
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (step: number) => left + (step / steps) * (width - left - right);
  const y = (value: number) => height - bottom - ((value - low) / (high - low || 1)) * (height - top - bottom);
  const grid = [low, (low + high) / 2, high].map(
    (value) =>
      `<line x1="${left}" x2="${width - right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/><text x="${left - 4}" y="${(y(value) + 3).toFixed(1)}" text-anchor="end" fill="#555">${Number(value.toPrecision(3))}</text>`,
  );
  const ends = `<text x="${left}" y="${height - 16}" fill="#555">0</text><text x="${width - right}" y="${height - 16}" text-anchor="end" fill="#555">${steps} steps</text>`;
  const lines = series.map(({ points: own, colour, marks }) => {
    const path = own.map(([step, value], i) => `${i === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
    const dots = marks
      ? own.map(
          ([step, value]) =>
            `<circle cx="${x(step).toFixed(1)}" cy="${y(value).toFixed(1)}" r="2.5" fill="${colour}"/>`,
        )
      : [];
    return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="1.3" stroke-linejoin="round"/>${dots.join('')}`;
  });
  return `<text x="${left}" y="16" font-weight="600">${escapeHtml(title)}</text>${grid.join('')}${ends}${lines.join('')}`;
}

/** Means of equal stretches of a long series. */
function thinned(points: readonly Point[]): Point[] {
  const stretch = Math.ceil(points.length / MAX_POINTS);
  return Array.from({ length: Math.ceil(points.length / Math.max(1, stretch)) }, (_, i) => {
    const part = points.slice(i * stretch, (i + 1) * stretch);
    const mean = (axis: 0 | 1) => part.reduce((sum, point) => sum + point[axis], 0) / part.length;
    return [mean(0), mean(1)];
  });
}
