import type { PlannedRun } from './plan.js';
import type { RunResult } from './result.js';

/** Runs that name the same data or teacher, yet were made with other contents of it. */
interface Mixed {
  /** What changed, for people. */
  readonly what: string;
  /** Keys of runs by the contents that they were made with, in the order of the runs. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** What changed while a sweep was made, so that figures of its runs cannot be compared. */
export function mixed(runs: readonly PlannedRun[], results: ReadonlyMap<string, RunResult>): Mixed[] {
  const groups = new Map<string, Map<string, string[]>>();
  const add = (what: string, contents: string | null | undefined, key: string) => {
    if (!contents) return;
    const keys = groups.get(what) ?? new Map<string, string[]>();
    keys.set(contents, [...(keys.get(contents) ?? []), key]);
    groups.set(what, keys);
  };
  for (const { key, config } of runs) {
    const result = results.get(key);
    if (!result) continue;
    const data = [...config.data, ...(config.classes ? [`class ${config.classes.join(', ')}`] : [])].join(', ');
    add(`the training images of ${data}`, result.fingerprint, key);
    add(`the test images of ${data}`, result.testFingerprint, key);
    add(`the teacher ${config.teacher}`, result.teacher.sha256, key);
  }
  return [...groups].filter(([, keys]) => keys.size > 1).map(([what, keys]) => ({ what, keys }));
}
