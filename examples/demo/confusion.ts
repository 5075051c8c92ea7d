import type { ResultMessage, Verdict } from '@beltsight/sdk';

/** Products of one class by truth and verdict. */
export interface Counts {
  readonly good: Record<Verdict, number>;
  readonly defective: Record<Verdict, number>;
  /** Products named right. */
  recognised: number;
}

/** Counts results against the truth, which the path of a sample tells: `<class>/<good or defect>/<file>`. */
export function countVerdicts(results: readonly ResultMessage[]): Map<string, Counts> {
  const classes = new Map<string, Counts>();
  for (const { verdict, class: product, frame } of results) {
    const [name, kind] = (frame.source ?? '').split('/') as [string, string | undefined];
    const counts = classes.get(name) ?? { good: none(), defective: none(), recognised: 0 };
    classes.set(name, counts);
    counts[kind === 'good' ? 'good' : 'defective'][verdict]++;
    if (product.name === name) counts.recognised++;
  }
  return new Map([...classes].sort(([a], [b]) => a.localeCompare(b)));
}

const none = (): Record<Verdict, number> => ({ pass: 0, reject: 0, unknown: 0 });
const total = (counts: Record<Verdict, number>) => counts.pass + counts.reject + counts.unknown;

/** Mean of the share of good products that pass and of defective ones that do not. */
export function balancedAccuracy(classes: ReadonlyMap<string, Counts>): number {
  const all = [...classes.values()];
  const sum = (pick: (counts: Counts) => number) => all.reduce((count, counts) => count + pick(counts), 0);
  const passed = sum(({ good }) => good.pass) / sum(({ good }) => total(good));
  const caught = 1 - sum(({ defective }) => defective.pass) / sum(({ defective }) => total(defective));
  return (passed + caught) / 2;
}

/** The confusion table, for a terminal. */
export function confusionText(classes: ReadonlyMap<string, Counts>): string {
  const row = (cells: readonly (string | number)[]) =>
    cells.map((cell, i) => (i === 0 ? String(cell).padEnd(10) : String(cell).padStart(12))).join('');
  const lines = [...classes].flatMap(([name, { good, defective, recognised }]) => [
    row([name, 'good', good.pass, good.reject, good.unknown, '']),
    row([
      '',
      'defective',
      defective.pass,
      defective.reject,
      defective.unknown,
      `${recognised}/${total(good) + total(defective)}`,
    ]),
  ]);
  return [row(['class', 'truth', 'pass', 'reject', 'unknown', 'recognised']), ...lines].join('\n');
}
