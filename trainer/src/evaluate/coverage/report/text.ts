import { percent } from '../../report/page.js';
import { escapeHtml } from '../../report/svg.js';
import type { Interval } from '../interval.js';
import type { Share } from '../share.js';

/** "2.1–9.8 %" */
export function rateRange([low, high]: Interval): string {
  return `${(low * 100).toFixed(1)}–${percent(high)}`;
}

/** "5 of 60: 8.3 % (2.8–18.4 %)" */
export function shareText({ count, of, rate, interval }: Share): string {
  return of === 0 ? '–' : `${count} of ${of}: ${percent(rate)} (${rateRange(interval)})`;
}

/** "bolt 3, nut 1", escaped. */
export function namesText(counts: Readonly<Record<string, number>>): string {
  const names = Object.entries(counts).map(([name, count]) => `${escapeHtml(name)} ${count}`);
  return names.length === 0 ? '–' : names.join(', ');
}

/** A table of cells that are HTML already; the first column heads its row. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const body = rows.map(
    ([first, ...rest]) => `<tr><th>${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  );
  const heads = head.map((title) => `<th>${title}</th>`).join('');
  return `<div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}
