import Table from 'cli-table3';

/**
 * A table for a terminal, without colours: tables go to files, too.
 * @param aligned a letter a column: l or r; default: all l
 */
export function plainTable(head: readonly string[], aligned = 'l'.repeat(head.length)) {
  const colAligns = [...aligned].map((side) => (side === 'l' ? ('left' as const) : ('right' as const)));
  return new Table({ head: [...head], style: { head: [], border: [] }, colAligns });
}

/** `aligned` of a table of figures: the first column says what they are of. */
export const figuresAligned = (head: readonly string[]) => 'l'.padEnd(head.length, 'r');

/** The same as Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
