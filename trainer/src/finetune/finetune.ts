import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type Bundle, type BundleManifest, MANIFEST, openBundle } from '@beltsight/sdk/bundle';
import { type ExportOptions, type ExportSummary, exportBundle } from '../export/export.js';
import { writeFolder } from '../export/folder.js';
import { loadTeacher } from '../model/teacher/load.js';
import { experimentRecord } from '../record/record.js';
import { writeAtomically } from '../train/atomic.js';
import type { TrainConfig } from '../train/config.js';
import { readTrainConfig } from '../train/config-file.js';
import { dataDigest, requireReadable, requireSameData } from '../train/data.js';
import { requireEngine } from '../train/engine/open.js';
import { withPseudoClasses } from '../train/pseudo-classes.js';
import { createRun, type Run, type RunOrigin, requireUnused, runFiles } from '../train/run.js';
import { feedbackDigest, withFeedback } from './feedback.js';
import { findStart, type StartOptions } from './start.js';

/** What the weights are for: another value needs other weights. */
const FIXED = [
  'data',
  'classes',
  'loss',
  'size',
  'teacher',
  'width',
  'projectorForm',
  'projectorReduction',
  'neckWidth',
] as const;

/** A trained model needs smaller steps, and fewer of them. */
const FINE_TUNING = {
  strategy: 'joint',
  epochs: 20,
  patience: 5,
  schedule: 'cosine',
  learningRates: { projector: 0.0002, student: 0.001 },
} as const satisfies Partial<TrainConfig>;

export interface FineTuneOptions extends StartOptions {
  /** Folders that beltsight inbox received into. */
  readonly feedback: readonly string[];
  /** Run folder to write. */
  readonly out: string;
  /** File and flags that override the configuration of the run that is started from. */
  readonly config?: { readonly file?: string | undefined; readonly flags: Readonly<Record<string, unknown>> };
  /** Sentences for people. */
  readonly log?: (line: string) => void;
}

/**
 * Starts a run that trains a model further on its own pictures and those that were fed back, from its weights. {@link train} with
 * `resume` carries it out, {@link concludeFineTuning} makes the bundle.
 * @throws BeltsightError with what is wrong with start, feedback, original data, teacher, configuration or folder
 */
export async function startFineTuning(options: FineTuneOptions): Promise<Run> {
  const { out, feedback, log = () => undefined } = options;
  await requireUnused(out);
  const start = await findStart(options);
  const { run: before, sha256 } = start.trained;
  const config = await configOf(before, options);
  const engine = await requireEngine(config);
  await requireSameData(before).catch((cause) => {
    throw new BeltsightError(
      'RUN_INVALID',
      `The pictures that ${options.from} was trained on have changed or are gone, and without them a model forgets: put them back (${before.config.data.join(', ')}), or train anew with beltsight train --data.`,
      { cause },
    );
  });
  const teacher = await loadTeacher(before.teacher.source, before.teacher.sha256);
  const { classes: grown, fresh } = await withFeedback(before.classes, feedback, config);
  await requireReadable(fresh, config.size);
  const classes = await withPseudoClasses(grown, config, teacher, log);
  for (const { name, feedback: fed } of classes) {
    const [train, heldOut, test] = [fed.train.length, fed.heldOut.length, fed.test.length];
    if (train + heldOut + test === 0) continue;
    log(`Class ${name}: ${train} fed-back pictures to train on, ${heldOut} to calibrate on, ${test} to measure on.`);
  }
  const files = runFiles(out);
  return createRun(out, async () => {
    await writeAtomically(files.start, await readFile(runFiles(start.folder).best));
    if (start.bundle) await writeFolder(files.origin, await contentsOf(start.bundle));
    else await exportBundle({ run: start.folder, out: files.origin, compare: false });
    const { manifest } = await openBundle((path) => readFile(join(files.origin, path)));
    return {
      ...before,
      startedAt: new Date().toISOString(),
      ...(await experimentRecord(classes, engine)),
      config,
      earlier: [],
      dataDigest: await dataDigest(classes),
      classes,
      from: {
        modelId: manifest.modelId,
        release: start.release,
        weights: sha256,
        feedback: await feedbackDigest(classes),
        export: exportOf(manifest),
      },
    };
  });
}

/**
 * Makes the bundle of a fine-tuning in its run folder, exported as the one before, and compares the two; the comparison is in the model card
 * and in `comparison.json`.
 * @throws BeltsightError RUN_INVALID, BUNDLE_*, DATASET_*, IO_FAILED
 */
export async function concludeFineTuning(
  run: string,
  options: Pick<ExportOptions, 'log' | 'progress'> = {},
): Promise<ExportSummary & { readonly bundle: string }> {
  const { bundle, comparison } = runFiles(run);
  const summary = await exportBundle({ ...options, run, out: bundle });
  await writeAtomically(comparison, `${JSON.stringify(summary.comparison, null, 2)}\n`);
  return { ...summary, bundle };
}

/** The configuration of the run that is started from, with the defaults of a fine-tuning and what was given. */
async function configOf(before: Run, { from, config }: FineTuneOptions): Promise<TrainConfig> {
  const { file, flags = {} } = config ?? {};
  const wanted = await readTrainConfig(file, flags, { ...before.config, ...FINE_TUNING });
  const changed = FIXED.filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(before.config[key]));
  if (changed.length === 0) return wanted;
  throw new BeltsightError(
    'CONFIG_INVALID',
    `${changed.join(', ')} of ${from} cannot be changed: its weights were made for ${changed.map((key) => `${key} ${JSON.stringify(before.config[key])}`).join(', ')}. Leave it out, or train anew without --from.`,
  );
}

async function contentsOf({ manifest, file }: Bundle): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  for (const path of Object.keys(manifest.files)) contents.set(path, await file(path));
  return contents.set(MANIFEST, new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
}

function exportOf({ name, classes, input, precision }: BundleManifest): RunOrigin['export'] {
  return { name, falseRejectRate: classes[0]?.falseRejectRate.wanted ?? 0.05, batch: input.batch, precision };
}
