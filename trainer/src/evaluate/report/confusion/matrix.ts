import type { ConfusionMatrices, ConfusionMatrix } from '../../confusion/figures.js';
import { escapeHtml } from '../svg.js';

/** Two tables side by side, of good products and of defects. */
export function matrices({ good, defect }: ConfusionMatrices): string {
  return `<div class="side">${table('Good products', good)}${table('Products with a defect', defect)}</div>`;
}

/** Counts, shaded by their share of the row; rows and columns without images are left out. */
function table(caption: string, { rows, columns, counts }: ConfusionMatrix): string {
  const total = (row: number) => (counts[row] as readonly number[]).reduce((a, b) => a + b, 0);
  const used = rows.map((_, row) => row).filter((row) => total(row) > 0);
  if (used.length === 0) return '';
  const taken = columns
    .map((name, column) => ({ name, column }))
    .filter(
      ({ name, column }) =>
        used.some((row) => rows[row] === name) || used.some((row) => (counts[row]?.[column] ?? 0) > 0),
    );
  const body = used.map((row) => {
    const cells = taken.map(({ name, column }) => {
      const count = counts[row]?.[column] as number;
      const own = name === rows[row];
      const share = Math.round((count / total(row)) * 70);
      const shade =
        count === 0
          ? ''
          : ` style="background:color-mix(in srgb,var(${own ? '--line' : '--defect'}) ${share}%,transparent)"`;
      return `<td${own ? ' class="own"' : ''}${shade}>${count === 0 ? '' : count}</td>`;
    });
    return `<tr><th>${escapeHtml(rows[row] as string)}</th>${cells.join('')}</tr>`;
  });
  const heads = taken.map(({ name }) => `<th class="tilted"><span>${escapeHtml(name)}</span></th>`);
  return `<div class="scroll"><table class="matrix"><caption>${caption}</caption><thead><tr><th></th>${heads.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}
