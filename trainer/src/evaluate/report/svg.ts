/** A series of points in data coordinates. */
export interface Series {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly label: string;
  /** Drawn behind: where points are to be expected. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

const SIZE = { width: 260, height: 200, left: 34, bottom: 26, top: 8, right: 8 };

/** An SVG line chart of series within [0,xMax] x [0,1]. */
export function lineChart(title: string, series: Series, xMax: number, xLabel: string, yLabel: string): string {
  const { width, height, left, bottom, top, right } = SIZE;
  const x = (value: number) => left + (value / xMax) * (width - left - right);
  const y = (value: number) => height - bottom - value * (height - top - bottom);
  const pathOf = (points: Series['points']) =>
    points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join('');
  const { points, label, band = [] } = series;
  const outline = [
    ...band.map(([px, low]) => [px, low] as const),
    ...band.map(([px, , top]) => [px, top] as const).reverse(),
  ];
  const shade = band.length === 0 ? '' : `<path class="band" d="${pathOf(outline)}"/>`;
  return frame(
    title,
    `${axes(xMax, x, y)}${shade}<path class="curve" d="${pathOf(points)}"/><text class="note" x="${width - right}" y="${y(0.08)}">${escapeHtml(label)}</text>`,
    xLabel,
    yLabel,
  );
}

/** Histogram of good and defect scores with the threshold as a line. */
export function histogram(
  title: string,
  good: readonly number[],
  defect: readonly number[],
  threshold: number | null,
): string {
  const { width, height, left, bottom, top, right } = SIZE;
  const all = [...good, ...defect];
  const marked = threshold === null ? all : [...all, threshold];
  const [low, high] = [Math.min(...marked), Math.max(...marked)];
  const span = high - low || 1;
  const bins = 24;
  const count = (scores: readonly number[]) => {
    const result = new Array<number>(bins).fill(0);
    for (const score of scores) {
      const bin = Math.min(bins - 1, Math.floor(((score - low) / span) * bins));
      result[bin] = (result[bin] as number) + 1;
    }
    return result;
  };
  const [goodBins, defectBins] = [count(good), count(defect)];
  const tallest = Math.max(1, ...goodBins, ...defectBins);
  const barWidth = (width - left - right) / bins;
  const bars = (counts: number[], kind: string) =>
    counts
      .map((n, i) => {
        const h = (n / tallest) * (height - top - bottom);
        return `<rect class="${kind}" x="${(left + i * barWidth).toFixed(1)}" y="${(height - bottom - h).toFixed(1)}" width="${(barWidth - 1).toFixed(1)}" height="${h.toFixed(1)}"/>`;
      })
      .join('');
  const at = left + (((threshold ?? 0) - low) / span) * (width - left - right);
  const line =
    threshold !== null
      ? `<line class="threshold" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${top}" y2="${height - bottom}"/>`
      : '';
  const most = `<text class="tick end" x="${left - 4}" y="${top + 8}">${tallest}</text>`;
  const ticks = `${most}<text class="tick" x="${left}" y="${height - 12}">${low.toFixed(2)}</text><text class="tick end" x="${width - right}" y="${height - 12}">${high.toFixed(2)}</text>`;
  return frame(title, `${bars(goodBins, 'good')}${bars(defectBins, 'defect')}${line}${ticks}`, 'score', 'images');
}

function axes(xMax: number, x: (value: number) => number, y: (value: number) => number): string {
  const ticks = [0, 0.5, 1];
  const vertical = ticks.map(
    (t) =>
      `<line class="grid" x1="${x(0)}" x2="${x(xMax)}" y1="${y(t)}" y2="${y(t)}"/><text class="tick end" x="${x(0) - 4}" y="${y(t) + 3}">${t}</text>`,
  );
  const anchors = ['middle', 'middle', 'end'];
  const horizontal = ticks.map(
    (t, i) =>
      `<text class="tick ${anchors[i]}" x="${x(t * xMax)}" y="${y(0) + 12}">${Number((t * xMax).toFixed(2))}</text>`,
  );
  return [...vertical, ...horizontal].join('');
}

function frame(title: string, content: string, xLabel: string, yLabel: string): string {
  const { width, height } = SIZE;
  const labels = `<text class="tick middle" x="${width / 2}" y="${height - 1}">${escapeHtml(xLabel)}</text><text class="tick middle" transform="translate(9 ${height / 2}) rotate(-90)">${escapeHtml(yLabel)}</text>`;
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${content}${labels}</svg></figure>`;
}

/** Text as it may stand in HTML and in attribute values. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
