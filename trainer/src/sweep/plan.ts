import { createHash } from 'node:crypto';
import { parseConfig } from '@beltsight/sdk';
import { readDataset, selectClasses } from '../data/dataset.js';
import { newTrainConfigSchema, type TrainConfig, trainConfigSchema } from '../train/config.js';
import type { Fragment, Sweep } from './schema.js';

/** What a fragment says for a model a class; no strategy of a single run. */
const ONE_FOR_ONE = 'one-for-one';

/** One training run, and what it is good for. Runs with the same key are the same run, whichever cell or sweep asks for them. */
export interface PlannedRun {
  /** Hash of the configuration. */
  readonly key: string;
  readonly config: TrainConfig;
  /** Name of each class in the run's result, and in the cell's. */
  readonly classes: ReadonlyMap<string, string>;
}

/** One combination of the axes: a row of the table. */
export interface Cell {
  /** Value on each axis, in the order of the file. */
  readonly values: readonly string[];
  /** For each seed the runs that make the row: one, or one a class. */
  readonly seeds: ReadonlyMap<number, readonly PlannedRun[]>;
}

export interface Plan {
  readonly axes: readonly string[];
  readonly cells: readonly Cell[];
}

/**
 * All runs of a sweep.
 * @param where what to call the file in errors
 * @throws BeltsightError CONFIG_INVALID naming the combination whose configuration is wrong, DATASET_*
 */
export async function planSweep(sweep: Sweep, where: string): Promise<Plan> {
  const names = new ClassNames();
  const cells: Cell[] = [];
  for (const { values, fragment } of combinations(sweep)) {
    const seeds = new Map<number, readonly PlannedRun[]>();
    for (const seed of sweep.seeds) {
      const label = `${where}${values.length === 0 ? '' : ` at ${values.join(', ')}`}`;
      seeds.set(seed, await runsOf({ ...fragment, seed }, label, names));
    }
    cells.push({ values, seeds });
  }
  return { axes: Object.keys(sweep.axes), cells };
}

/** Distinct runs in the order in which they are made: the first seed of every cell before the second of any. */
export function runsInOrder({ cells }: Plan): PlannedRun[] {
  const seeds = new Set(cells.flatMap((cell) => [...cell.seeds.keys()]));
  const runs = new Map<string, PlannedRun>();
  for (const seed of seeds) {
    for (const run of cells.flatMap((cell) => cell.seeds.get(seed) ?? [])) {
      if (!runs.has(run.key)) runs.set(run.key, run);
    }
  }
  return [...runs.values()];
}

function combinations({ base, axes }: Sweep): { values: string[]; fragment: Fragment }[] {
  const changes = Object.values(axes).reduce<{ values: string[]; change: Fragment }[]>(
    (made, axis) =>
      made.flatMap(({ values, change }) =>
        Object.entries(axis).map(([value, more]) => ({ values: [...values, value], change: both(change, more ?? {}) })),
      ),
    [{ values: [], change: {} }],
  );
  return changes.map(({ values, change }) => ({ values, fragment: merged(base, change) }));
}

/** `change` laid over `base`, key by key within nested objects. */
function merged(base: Fragment, change: Fragment): Fragment {
  const result = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const below = result[key];
    result[key] = isObject(below) && isObject(value) ? merged(below, value) : value;
  }
  return result;
}

/** The changes of two axes. What one of them leaves out (null), the other does not bring back by a detail of it. */
function both(one: Fragment, other: Fragment): Fragment {
  const result = merged(one, other);
  for (const [key, value] of Object.entries(one)) if (value === null && isObject(other[key])) result[key] = null;
  return result;
}

const isObject = (value: unknown): value is Fragment =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function runsOf(fragment: Fragment, where: string, names: ClassNames): Promise<PlannedRun[]> {
  const oneForOne = fragment.strategy === ONE_FOR_ONE;
  const { strategy, ...rest } = fragment;
  const config = parseConfig(newTrainConfigSchema, oneForOne ? rest : fragment, where);
  const classes = await names.of(config.data, config.classes);
  const run = (own: TrainConfig, map: ReadonlyMap<string, string>) => ({ key: keyOf(own), config: own, classes: map });
  if (!oneForOne) return [run(config, new Map(classes.map(({ name }) => [name, name] as const)))];
  return classes.map(({ name, folder, alone }) =>
    run({ ...config, data: [folder], classes: [alone] }, new Map([[alone, name]])),
  );
}

/** Keys that do not change what a run is: how long it takes, how often it can be interrupted. */
const NEUTRAL = ['threads', 'checkpointMinutes'];

/** Options that came later, at their defaults, leave the key as it was. */
function keyOf(config: TrainConfig): string {
  const decisive = Object.fromEntries(Object.entries(config).filter(([key]) => !NEUTRAL.includes(key)));
  const defaults = trainConfigSchema.parse({ data: [''] });
  return createHash('sha256')
    .update(JSON.stringify(different(decisive, defaults)))
    .digest('hex')
    .slice(0, 12);
}

/** The entries of `values` that are not those of `defaults`, within nested objects too, sorted by key. */
function different(values: Fragment, defaults: Fragment): Fragment {
  const entries = Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => {
      const own = defaults[key];
      if (isObject(value)) {
        const inner = different(value, isObject(own) ? own : {});
        return Object.keys(inner).length === 0 && isObject(own) ? [] : [[key, inner] as const];
      }
      return value === undefined || JSON.stringify(value) === JSON.stringify(own) ? [] : [[key, value] as const];
    });
  return Object.fromEntries(entries);
}

/** Names of the classes of several data folders, read once each: what they are called together, and alone. */
class ClassNames {
  readonly #known = new Map<string, Promise<{ name: string; folder: string; alone: string }[]>>();

  async of(data: readonly string[], only: readonly string[] | undefined) {
    const key = JSON.stringify(data);
    if (!this.#known.has(key)) this.#known.set(key, this.#read(data));
    return selectClasses((await this.#known.get(key)) ?? [], only);
  }

  async #read(data: readonly string[]) {
    const together = await readDataset(data);
    const alone = await Promise.all(data.map((folder) => readDataset([folder])));
    return data
      .flatMap((folder, i) => (alone[i] ?? []).map(({ name }) => ({ folder, alone: name })))
      .map((each, i) => ({ ...each, name: together[i]?.name ?? each.alone }));
  }
}
