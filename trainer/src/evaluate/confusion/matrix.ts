import type { ConfusionMatrix } from './figures.js';

/** One image: its class, and the class that it is taken for. */
export interface Taken {
  readonly from: string;
  readonly to: string;
}

/** Counts images by class and by what they are taken for. @throws RangeError if a column is missing */
export function confusionMatrix(
  rows: readonly string[],
  columns: readonly string[],
  taken: readonly Taken[],
): ConfusionMatrix {
  const counts = rows.map(() => new Array<number>(columns.length).fill(0));
  for (const { from, to } of taken) {
    const [row, column] = [counts[rows.indexOf(from)], columns.indexOf(to)];
    if (row === undefined || column < 0) throw new RangeError(`The matrix has no place for "${from}" as "${to}".`);
    row[column] = (row[column] as number) + 1;
  }
  return { rows, columns, counts };
}

/** Columns for what `rows` may be taken for: those of the rows first and in their order, so that the diagonal is one. */
export function columnsFor(rows: readonly string[], known: readonly string[]): string[] {
  return [...rows.filter((name) => known.includes(name)), ...known.filter((name) => !rows.includes(name))];
}

/** A class that is taken for another. */
export interface ConfusedPair extends Taken {
  readonly images: number;
  /** Of the class's images. */
  readonly share: number;
}

/** The pairs of different classes, those with the largest share first. */
export function confusedPairs({ rows, columns, counts }: ConfusionMatrix): ConfusedPair[] {
  const pairs = rows.flatMap((from, r) => {
    const row = counts[r] as readonly number[];
    const total = row.reduce((a, b) => a + b, 0);
    return columns.map((to, c) => ({ from, to, images: row[c] as number, share: (row[c] as number) / total }));
  });
  return pairs.filter(({ from, to, images }) => from !== to && images > 0).sort((a, b) => b.share - a.share);
}
