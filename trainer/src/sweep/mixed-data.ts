import { type Plan, runsInOrder } from './plan.js';
import type { RunResult } from './result.js';

/**
 * Data that changed while a sweep was made: groups of runs that name the same data and classes, yet were trained on pictures with different
 * fingerprints, so that their figures cannot be compared.
 * @returns for each such group the data, and the keys of the runs by fingerprint, in the order in which they are made
 */
export function mixedData(
  plan: Plan,
  results: ReadonlyMap<string, RunResult>,
): { readonly data: readonly string[]; readonly runs: readonly (readonly string[])[] }[] {
  const groups = new Map<string, Map<string, string[]>>();
  for (const { key, config } of runsInOrder(plan)) {
    const fingerprint = results.get(key)?.fingerprint;
    if (!fingerprint) continue;
    const name = JSON.stringify([config.data, config.classes ?? null]);
    const group = groups.get(name) ?? new Map<string, string[]>();
    groups.set(name, group.set(fingerprint, [...(group.get(fingerprint) ?? []), key]));
  }
  return [...groups].flatMap(([name, group]) =>
    group.size < 2 ? [] : [{ data: (JSON.parse(name) as [string[]])[0], runs: [...group.values()] }],
  );
}
