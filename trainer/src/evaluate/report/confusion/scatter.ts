import { basename } from 'node:path';
import { randomOf, shuffled } from '../../../data/random.js';
import { unitLength } from '../../confusion/vectors.js';
import type { ClassDetail } from '../../evaluate.js';
import type { ImageResult } from '../../results.js';
import { colourOf } from '../colours.js';
import { escapeHtml } from '../svg.js';
import { mark } from './marks.js';
import { MAX_POINTS, tsne } from './tsne.js';

const WIDTH = 860;
const PLOT = { left: 20, top: 14, width: 820, height: 480 };
const LEGEND = { columns: 5, rowHeight: 16, top: 34 };

interface Point {
  readonly class: number;
  readonly image: ImageResult;
}

/**
 * The embeddings in the plane, by class, truth and verdict, as an SVG without a script: whatever belongs to the class under the pointer stays, the rest
 * fades. Nothing where there are too few images.
 */
export function embeddingScatter(details: readonly ClassDetail[]): string {
  const all = details.flatMap(({ images }, number) => images.map((image): Point => ({ class: number, image })));
  if (all.length < 4) return '';
  const shown = shuffled(all, randomOf(0)).slice(0, MAX_POINTS);
  const places = fitted(tsne(shown.map(({ image }) => unitLength(image.embedding))));
  const legendRows = Math.ceil(details.length / LEGEND.columns);
  const height = PLOT.top + PLOT.height + LEGEND.top + legendRows * LEGEND.rowHeight + 8;
  const classes = details.map(({ name }, number) => {
    const own = shown.flatMap((point, i) =>
      point.class === number ? [{ ...point, place: places[i] as readonly [number, number] }] : [],
    );
    const marks = own.map(({ image, place: [x, y] }) => {
      const { defect, decision, file, score } = image;
      const said = `${name}, ${defect ?? 'good'}/${basename(file)}: ${decision.verdict}, seen as ${decision.className ?? 'unknown product'}, score ${score.toFixed(4)}`;
      return `<g><title>${escapeHtml(said)}</title>${mark(x, y, defect !== undefined, decision.verdict)}</g>`;
    });
    const colour = colourOf(number);
    const style = `style="fill:${colour};stroke:${colour}"`;
    return {
      group: `<g class="class" ${style}>${marks.join('')}${legendEntry(name, number)}</g>`,
      label: own.length === 0 ? '' : nameAt(name, middleOf(own.map(({ place }) => place))),
    };
  });
  const drawn = classes.map(({ group }) => group).join('') + classes.map(({ label }) => label).join('');
  const count =
    shown.length < all.length ? `${shown.length} of ${all.length} images, drawn at random` : `${all.length} images`;
  const title = `t-SNE of the embeddings, ${count}`;
  return `<figure class="scatter"><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">${drawn}${verdictLegend()}</svg></figure>`;
}

/** Points brought into the plot, with one scale for both axes. */
function fitted(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const range = (axis: 0 | 1) => {
    const values = points.map((point) => point[axis]);
    return { low: Math.min(...values), span: Math.max(...values) - Math.min(...values) || 1 };
  };
  const [x, y] = [range(0), range(1)];
  const scale = Math.min(PLOT.width / x.span, PLOT.height / y.span);
  const left = PLOT.left + (PLOT.width - x.span * scale) / 2;
  const top = PLOT.top + (PLOT.height - y.span * scale) / 2;
  return points.map(([px, py]) => [left + (px - x.low) * scale, top + (py - y.low) * scale] as const);
}

/** The place of the point nearest to the class's median, so that a name lies on its class even where that is in several parts. */
function middleOf(places: readonly (readonly [number, number])[]): readonly [number, number] {
  const median = ([0, 1] as const).map((axis) => {
    const sorted = places.map((place) => place[axis]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] as number;
  }) as [number, number];
  const distance = ([x, y]: readonly [number, number]) => (x - median[0]) ** 2 + (y - median[1]) ** 2;
  return places.reduce((best, place) => (distance(place) < distance(best) ? place : best));
}

const nameAt = (name: string, [x, y]: readonly [number, number]) =>
  `<text class="over" x="${x.toFixed(1)}" y="${(y + 4).toFixed(1)}">${shortened(name)}</text>`;

const shortened = (name: string) => escapeHtml(name.length > 24 ? `${name.slice(0, 23)}…` : name);

function legendEntry(name: string, number: number): string {
  const x = PLOT.left + (number % LEGEND.columns) * (PLOT.width / LEGEND.columns);
  const y = PLOT.top + PLOT.height + LEGEND.top + (Math.floor(number / LEGEND.columns) + 0.5) * LEGEND.rowHeight;
  return `<g><title>${escapeHtml(name)}</title><circle cx="${x + 4}" cy="${y}" r="4"/><text class="name" x="${x + 13}" y="${y + 4}">${shortened(name)}</text></g>`;
}

function verdictLegend(): string {
  const kinds = (['pass', 'reject', 'unknown'] as const).flatMap((verdict) => [
    { verdict, defective: false },
    { verdict, defective: true },
  ]);
  const words = { pass: 'passed', reject: 'rejected', unknown: 'unknown' };
  const y = PLOT.top + PLOT.height + 22;
  const entries = kinds.map(({ verdict, defective }, i) => {
    const x = PLOT.left + i * (PLOT.width / kinds.length);
    return `${mark(x + 4, y, defective, verdict)}<text class="name" x="${x + 13}" y="${y + 4}">${defective ? 'defect' : 'good'}, ${words[verdict]}</text>`;
  });
  return `<g style="fill:currentColor;stroke:currentColor;stroke-width:1.6">${entries.join('')}</g>`;
}
