import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluateBundle } from '../evaluate/evaluate.js';
import type { ClassResult } from '../evaluate/results.js';
import { exportBundle } from '../export/export.js';
import { testFingerprint } from '../record/fingerprint.js';
import { writeAtomically } from '../train/atomic.js';
import type { Reporter } from '../train/loop.js';
import { isStarted, type Run, readRunDescription, runFiles } from '../train/run.js';
import { type TrainResult, train } from '../train/train.js';
import type { PlannedRun } from './plan.js';
import type { ClassFigures, RunResult } from './result.js';

export interface ExecuteOptions {
  /** Folder in which run folders are made, by key. */
  readonly runs: string;
  /** Threads for the engine, where the configuration does not say. */
  readonly threads?: number;
  readonly signal: AbortSignal;
  readonly reporter?: (run: Run, epochs: number) => Reporter;
  readonly log: (line: string) => void;
}

/**
 * Trains, exports and evaluates one run of a sweep; goes on where an earlier attempt was stopped.
 * @returns undefined if the signal stopped it
 * @throws BeltsightError whatever training, export and evaluation throw
 */
export async function executeRun({ key, config }: PlannedRun, options: ExecuteOptions): Promise<RunResult | undefined> {
  const { signal, log, reporter } = options;
  const out = join(options.runs, key);
  const files = runFiles(out);
  const resume = await isStarted(out);
  const since = performance.now();
  const threads = config.threads ?? options.threads;
  const training = await train(resume ? undefined : { ...config, threads }, {
    out,
    resume,
    ...(threads === undefined ? {} : { computing: { threads } }),
    signal,
    log,
    ...(reporter ? { reporter } : {}),
  });
  if (training.end === 'interrupted') return undefined;
  const seconds = resume ? null : (performance.now() - since) / 1000;
  await rm(files.bundle, { recursive: true, force: true });
  await exportBundle({ run: out, out: files.bundle, name: key, threads, log });
  const classes = config.classes === undefined ? {} : { classes: config.classes };
  const { evaluation, details } = await evaluateBundle({
    bundle: files.bundle,
    data: config.data,
    ...classes,
    threads,
    log,
  });
  await writeAtomically(files.evaluation, `${JSON.stringify(evaluation, null, 2)}\n`);
  return {
    schema: 'beltsight.result/1',
    finishedAt: new Date().toISOString(),
    key,
    config,
    ...describe(await readRunDescription(out), training, seconds),
    testFingerprint: await testFingerprint(details),
    classes: Object.fromEntries(Object.entries(evaluation.classes).map(([name, of]) => [name, figuresOf(of)] as const)),
  };
}

/** Removes what can be made again of a run whose result is kept: not before that, for a run without either would be trained anew. */
export async function tidyRun(out: string): Promise<void> {
  const { bundle, checkpoint } = runFiles(out);
  for (const path of [bundle, checkpoint]) await rm(path, { recursive: true, force: true });
}

function describe(run: Run, { epochs, steps, bestEpoch, bestLoss }: TrainResult, seconds: number | null) {
  return {
    versions: run.versions,
    revision: run.revision,
    fingerprint: run.fingerprint,
    teacher: { name: run.model.teacher, sha256: run.teacher.sha256 },
    training: {
      images: run.classes.reduce((sum, { train }) => sum + train.length, 0),
      steps,
      epochs,
      bestEpoch,
      heldOutLoss: bestLoss,
      seconds,
    },
  };
}

function figuresOf({ confusion, threshold, ...rest }: ClassResult): ClassFigures {
  return { ...rest, missed: rest.defects === 0 ? null : confusion.defect.pass / rest.defects };
}
