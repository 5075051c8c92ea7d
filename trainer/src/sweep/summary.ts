import type { Cell, Plan } from './plan.js';
import { CLASS_FIGURES, type ClassFigures, type RunResult } from './result.js';

export type FigureName = (typeof CLASS_FIGURES)[number];

/** Over seeds: mean and standard deviation (n - 1); `deviation` is null with one seed. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number | null;
  readonly seeds: number;
}

/** Figures of a class, or means over classes; null where a figure cannot be measured. */
type Spreads = Readonly<Record<FigureName, Spread | null>>;

/** A row of the table. */
export interface Row {
  readonly values: readonly string[];
  /** Seeds whose runs are done, of those asked for. */
  readonly done: number;
  readonly wanted: number;
  readonly classes: ReadonlyMap<string, Spreads>;
  /** Of the mean over classes, taken for each seed. */
  readonly mean: Spreads;
  /** Seconds of training a seed, and steps; null where none is known. */
  readonly seconds: number | null;
  readonly steps: number | null;
}

/** The table of a sweep from the results that there are; a seed counts once all of its runs are done. */
export function summarise({ cells }: Plan, results: ReadonlyMap<string, RunResult>): Row[] {
  return cells.map((cell) => rowOf(cell, results));
}

function rowOf({ values, seeds }: Cell, results: ReadonlyMap<string, RunResult>): Row {
  const complete = [...seeds.values()].flatMap((runs) => {
    const made = runs.map(({ key }) => results.get(key));
    if (made.some((result) => result === undefined)) return [];
    const all = made as RunResult[];
    const classes = runs.flatMap((run, i) =>
      [...run.classes].flatMap(([name, as]) => {
        const figures = all[i]?.classes[name];
        return figures ? [[as, figures] as const] : [];
      }),
    );
    return [{ classes: new Map(classes), runs: all }];
  });
  const names = [...new Set(complete.flatMap(({ classes }) => [...classes.keys()]))];
  const spreads = (figuresOf: (seed: (typeof complete)[number]) => Partial<ClassFigures> | undefined): Spreads =>
    Object.fromEntries(
      CLASS_FIGURES.map((figure) => [figure, spreadOf(complete.map((seed) => figuresOf(seed)?.[figure] ?? null))]),
    ) as Spreads;
  const times = complete.map(({ runs }) => total(runs.map(({ training }) => training.seconds)));
  return {
    values,
    done: complete.length,
    wanted: seeds.size,
    classes: new Map(names.map((name) => [name, spreads(({ classes }) => classes.get(name))])),
    mean: spreads(({ classes }) => meanFigures([...classes.values()])),
    seconds: spreadOf(times)?.mean ?? null,
    steps: spreadOf(complete.map(({ runs }) => total(runs.map(({ training }) => training.steps))))?.mean ?? null,
  };
}

function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: known.length > 1 ? Math.sqrt(squares / (known.length - 1)) : null, seeds: known.length };
}

const total = (values: readonly (number | null)[]) =>
  values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0);

function meanFigures(classes: readonly ClassFigures[]): Record<FigureName, number | null> {
  return Object.fromEntries(
    CLASS_FIGURES.map((figure) => [figure, spreadOf(classes.map((each) => each[figure]))?.mean ?? null] as const),
  ) as Record<FigureName, number | null>;
}
