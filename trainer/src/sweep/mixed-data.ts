import type { PlannedRun } from './plan.js';
import type { RunResult } from './result.js';

/** Runs that name the same data and classes, yet were trained on other pictures. */
interface MixedData {
  readonly data: readonly string[];
  /** Keys of runs by the fingerprint of their pictures, in the order of the runs. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** Data that changed while a sweep was made, so that figures of its runs cannot be compared. */
export function mixedData(runs: readonly PlannedRun[], results: ReadonlyMap<string, RunResult>): MixedData[] {
  const groups = new Map<string, { data: readonly string[]; keys: Map<string, string[]> }>();
  for (const { key, config } of runs) {
    const fingerprint = results.get(key)?.fingerprint;
    if (!fingerprint) continue;
    const name = JSON.stringify([config.data, config.classes]);
    const { data, keys } = groups.get(name) ?? { data: config.data, keys: new Map<string, string[]>() };
    keys.set(fingerprint, [...(keys.get(fingerprint) ?? []), key]);
    groups.set(name, { data, keys });
  }
  return [...groups.values()].filter(({ keys }) => keys.size > 1);
}
