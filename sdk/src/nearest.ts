/**
 * The name among `known` within two edits of `key`, for "did you mean"; undefined where none is that close. A name that shares no letter
 * with a short key is not close: every letter was edited.
 */
export function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => [editDistance(key.toLowerCase(), name.toLowerCase()), name] as const);
  const [best] = ranked.sort(([a], [b]) => a - b);
  return best && best[0] <= 2 && best[0] < key.length ? best[1] : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
