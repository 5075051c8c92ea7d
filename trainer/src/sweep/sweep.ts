import { join } from 'node:path';
import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { readConfigFile } from '../config-file.js';
import { writeAtomically } from '../train/atomic.js';
import { type ExecuteOptions, executeRun, tidyRun } from './execute.js';
import { mixed } from './mixed.js';
import { type Plan, type PlannedRun, planSweep, runsInOrder } from './plan.js';
import { type RunResult, readResult, writeResult } from './result.js';
import { sweepSchema } from './schema.js';
import { type Row, summarise } from './summary.js';
import { sweepCsv, sweepMarkdown } from './table.js';

export interface SweepOptions extends Omit<ExecuteOptions, 'runs'> {
  /** Folder of results, run folders and tables. Several sweeps can share it: a run that both want is made once. */
  readonly out: string;
  /** Share of the runs that this process makes: of `of` processes number `index`, from 1. */
  readonly shard?: { readonly index: number; readonly of: number };
  /** Only the tables, from the results that there are. */
  readonly tableOnly?: boolean;
  /** Hears of every run: before it starts. */
  readonly runStarted?: (run: PlannedRun, number: number, total: number) => void;
}

export interface SweepEnd {
  readonly plan: Plan;
  readonly rows: readonly Row[];
  /** Runs whose result is there, of all. */
  readonly done: number;
  readonly total: number;
  /** What went wrong, by run; the others were made all the same. */
  readonly failed: ReadonlyMap<string, Error>;
}

/**
 * Trains, exports and evaluates every run of a sweep file that has no result yet, and writes the tables (`table.md`, `table.csv`) after
 * each. Stopped at any moment, it goes on where it was when it is called again.
 * @throws BeltsightError CONFIG_INVALID, DATASET_*, IO_FAILED
 */
export async function runSweep(file: string, options: SweepOptions): Promise<SweepEnd> {
  const { out, shard = { index: 1, of: 1 }, signal } = options;
  const plan = await planSweep(parseConfig(sweepSchema, await readConfigFile(file), file), file);
  const wanted = runsInOrder(plan);
  const folder = join(out, 'results');
  const runs = join(out, 'runs');
  const results = new Map<string, RunResult>();
  const failed = new Map<string, Error>();
  const reload = async () => {
    for (const { key } of wanted) {
      const result = await readResult(folder, key);
      if (result) results.set(key, result);
    }
  };
  const tables = async () => {
    await reload();
    const rows = summarise(plan, results);
    await writeAtomically(join(out, 'table.md'), sweepMarkdown(plan.axes, rows));
    await writeAtomically(join(out, 'table.csv'), sweepCsv(plan.axes, rows));
    return rows;
  };
  for (const [i, run] of wanted.entries()) {
    if (options.tableOnly || signal.aborted) break;
    if (i % shard.of !== shard.index - 1 || (await readResult(folder, run.key))) continue;
    options.runStarted?.(run, i + 1, wanted.length);
    try {
      const result = await executeRun(run, { ...options, runs });
      if (result) {
        await writeResult(folder, result);
        await tidyRun(join(runs, run.key));
      }
    } catch (cause) {
      const error = cause as Error;
      const code = error instanceof BeltsightError ? error.code : error.name;
      // Nothing of another run could be written either.
      if (code === 'IO_FAILED') throw error;
      failed.set(run.key, error);
      options.log(`Run ${run.key} failed, the others go on. ${code}: ${error.message}`);
    }
    await tables();
  }
  const rows = await tables();
  for (const { what, keys } of mixed(wanted, results)) {
    const byContents = [...keys.values()];
    const [newest, older] = [byContents.at(-1)?.at(-1), byContents.slice(0, -1).flat()];
    options.log(
      `Warning: ${what} changed between runs, whose figures cannot be compared. Where those of run ${newest} count, remove results/KEY.json and runs/KEY of ${older.join(', ')} in ${out}, and run the sweep again.`,
    );
  }
  return { plan, rows, done: results.size, total: wanted.length, failed };
}
