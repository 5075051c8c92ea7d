import { escapeHtml } from '../../report/svg.js';
import type { Recognition } from '../recognition.js';
import { namesText, shareText, table } from './text.js';

/** How test images were recognised; nothing where the bundle knows none of the classes. */
export function recognitionSection({ classes, right }: Recognition): string {
  const entries = Object.entries(classes);
  if (entries.length === 0) return '';
  const rows = entries.map(([name, each]) => [
    escapeHtml(name),
    shareText(each.right),
    shareText(each.wrong),
    namesText(each.takenFor),
    shareText(each.unknown),
  ]);
  const total = entries.length > 1 ? [['all', shareText(right), '', '', '']] : [];
  const head = ['class', 'recognised', 'taken for another class', 'which', 'called unknown'];
  return `<section><h2>Recognition</h2>${table(head, [...rows, ...total])}
<p class="legend">All test images, with defects or without, by the nearest centroid; intervals cover 95 %.</p></section>`;
}
