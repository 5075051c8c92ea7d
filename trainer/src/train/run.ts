import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { PRECISIONS } from '@beltsight/sdk/bundle';
import { z } from 'zod';
import { modelConfigSchema } from '../model/network.js';
import { readSafetensors } from '../model/safetensors.js';
import { isPart, removeParts, writeAtomically, writeFailed } from './atomic.js';
import { trainConfigSchema } from './config.js';
import type { EngineChoice } from './engine/open.js';

const RUN = 'run.json';
const BEST = 'best.safetensors';
/** The bundle that a fine-tuning started from. */
const ORIGIN = 'origin';

/** A class of a run: which of its good images train, and which are held out for stopping and calibration. */
const runClassSchema = z.object({
  name: z.string(),
  folder: z.string(),
  train: z.array(z.string()).min(1),
  heldOut: z.array(z.string()),
  /** Pseudo-class of each image that trains, where the run contrasts these. */
  pseudo: z.array(z.int().nonnegative()).optional(),
  /**
   * Pictures that were fed back: false alarms of an earlier model. Those that train and those that are held out stand among the others,
   * too; `test` ones measure only.
   */
  feedback: z
    .object({ train: z.array(z.string()), heldOut: z.array(z.string()), test: z.array(z.string()) })
    .default({ train: [], heldOut: [], test: [] }),
});
export type RunClass = z.infer<typeof runClassSchema>;

/**
 * Images that train, by label: the class of the data, or the pseudo-class where a run has those. Pictures that were fed back stand there
 * `feedbackRepeat` times.
 */
export function labelledImages({ classes, config }: Pick<Run, 'classes' | 'config'>): string[][] {
  const labelled = new Map<number, string[]>();
  for (const [label, { train, pseudo, feedback }] of classes.entries()) {
    const again = new Set(feedback.train);
    for (const [i, file] of train.entries()) {
      const key = pseudo?.[i] ?? label;
      const images = labelled.get(key) ?? [];
      for (let copy = again.has(file) ? config.feedbackRepeat : 1; copy > 0; copy--) images.push(file);
      labelled.set(key, images);
    }
  }
  return [...labelled].sort(([a], [b]) => a - b).map(([, images]) => images);
}

/** What a fine-tuning started from. */
const originSchema = z.object({
  modelId: z.string().describe('Of the bundle in the folder `origin`, with which the result is compared.'),
  release: z.string().nullable().describe('Target path of the release that it was; null: a bundle or run folder.'),
  weights: z.string().describe('SHA-256 of the weights, `start.safetensors`.'),
  feedback: z.string().describe('SHA-256 over the pictures that were fed back.'),
  export: z
    .object({
      name: z.string(),
      falseRejectRate: z.number().gt(0).lt(1),
      batch: z.int().positive(),
      precision: z.enum(PRECISIONS),
    })
    .describe('How that bundle was exported, and the one of this run is.'),
});
export type RunOrigin = z.infer<typeof originSchema>;

const { engine, provider, threads } = trainConfigSchema.shape;
/** What may change within a run: it decides the last bits of a result, and what it takes. */
export const COMPUTING = { engine, provider, threads };

const versionsSchema = z.record(z.string(), z.string()).describe('Of all that computes, by package.');

/** The description of a run: all that decides it, so that the same folder and seed give the same bits. */
const runSchema = z.object({
  schema: z.literal('beltsight.run/1'),
  startedAt: z.iso.datetime(),
  versions: versionsSchema,
  revision: z
    .string()
    .nullable()
    .default(null)
    .describe('Git revision of the working folder, with + where something was not committed.'),
  config: trainConfigSchema,
  cores: z
    .int()
    .positive()
    .optional()
    .describe('Of the machine: threads of the engine, where the configuration names none.'),
  earlier: z
    .array(z.object({ until: z.iso.datetime(), ...COMPUTING, versions: versionsSchema.optional() }))
    .default([])
    .describe('What computed before, where a resumed run was given something else; versions only where they differ.'),
  model: modelConfigSchema,
  teacher: z.object({ source: z.string(), metadata: z.record(z.string(), z.string()), sha256: z.string() }),
  dataDigest: z.string().describe('SHA-256 over names and sizes of the training images.'),
  fingerprint: z
    .string()
    .nullable()
    .default(null)
    .describe('SHA-256 over names and content of the training images, wherever they lie.'),
  classes: z.array(runClassSchema).min(1),
  from: originSchema.optional().describe('Only of a fine-tuning.'),
});
export type Run = z.infer<typeof runSchema>;

/** A finished (or stopped) run with its best weights: parameters and running statistics by name. */
export interface TrainedRun {
  readonly run: Run;
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Epoch of the best weights, -1 for those that a fine-tuning started from, and their held-out distillation loss. */
  readonly best: { readonly epoch: number; readonly heldOutLoss: number };
  /** SHA-256 of the file that holds the weights. */
  readonly sha256: string;
}

/** Paths inside a run folder. */
export function runFiles(folder: string) {
  return {
    run: join(folder, RUN),
    metrics: join(folder, 'metrics.jsonl'),
    checkpoint: join(folder, 'checkpoint.safetensors'),
    best: join(folder, BEST),
    curves: join(folder, 'curves.svg'),
    evaluation: join(folder, 'evaluation.json'),
    start: join(folder, 'start.safetensors'),
    origin: join(folder, ORIGIN),
    bundle: join(folder, 'bundle'),
    comparison: join(folder, 'comparison.json'),
  };
}

/**
 * Says at once, before any picture is read, that a run cannot start in a folder.
 * @throws BeltsightError RUN_INVALID if it holds something already
 */
export async function requireUnused(folder: string): Promise<void> {
  const held = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [] as string[];
    throw writeFailed(folder, cause);
  });
  if (held.every(isPart)) return;
  const what = held.includes(RUN) ? 'holds a run already: add --resume to go on with it' : 'is not empty: empty it';
  throw new BeltsightError('RUN_INVALID', `${folder} ${what}, or choose another folder with --out.`);
}

/**
 * Starts a run folder.
 * @param describe may put more into the folder; the description comes last, so that a run is whole or none
 * @throws BeltsightError RUN_INVALID if the folder holds something already
 */
export async function createRun(folder: string, describe: () => Promise<Run>): Promise<Run> {
  await requireUnused(folder);
  try {
    await mkdir(folder, { recursive: true });
    await removeParts(folder);
  } catch (cause) {
    throw writeFailed(folder, cause);
  }
  try {
    const run = await describe();
    await writeRunDescription(folder, run);
    return run;
  } catch (error) {
    // It was empty; what lies there now would keep the next attempt from starting.
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
    throw error;
  }
}

/**
 * A run that goes on by what it is given instead of its own engine, provider and threads, on a machine with another number of cores, or with
 * other versions of packages, and says so; itself where nothing changes.
 * @throws BeltsightError CONFIG_INVALID
 */
export function continuedBy(
  run: Run,
  instead: Partial<EngineChoice> | undefined,
  { cores, versions }: { readonly cores: number; readonly versions: Run['versions'] },
): Run {
  const config = parseConfig(trainConfigSchema, { ...run.config, ...instead }, 'What was given');
  const { engine, provider, threads = run.cores } = run.config;
  const sameChoice = isDeepStrictEqual(config, run.config) && (config.threads ?? cores) === (threads ?? cores);
  const sameVersions = isDeepStrictEqual(versions, run.versions);
  if (sameChoice && sameVersions) return run;
  const until = new Date().toISOString();
  const before = { until, engine, provider, threads, ...(sameVersions ? {} : { versions: run.versions }) };
  return { ...run, config, cores, versions, earlier: [...run.earlier, before] };
}

/** Writes the description of a run. */
export async function writeRunDescription(folder: string, run: Run): Promise<void> {
  await writeAtomically(join(folder, RUN), `${JSON.stringify(run, null, 2)}\n`);
}

/** Whether a run was started in a folder. */
export async function isStarted(folder: string): Promise<boolean> {
  return access(join(folder, RUN)).then(
    () => true,
    () => false,
  );
}

/** @throws BeltsightError RUN_INVALID if the folder is no run or its description does not parse */
export async function readRunDescription(folder: string): Promise<Run> {
  let text: string;
  try {
    text = await readFile(join(folder, RUN), 'utf8');
  } catch (cause) {
    throw new BeltsightError('RUN_INVALID', `${folder} is no run folder: it has no ${RUN}.`, { cause });
  }
  try {
    return runSchema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new BeltsightError('RUN_INVALID', `${join(folder, RUN)} is damaged or of another version:\n${why}`, {
      cause,
    });
  }
}

/** @throws BeltsightError RUN_INVALID if the folder is no run, or has no weights yet */
export async function readRun(folder: string): Promise<TrainedRun> {
  const run = await readRunDescription(folder);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(folder, BEST));
  } catch (cause) {
    throw new BeltsightError(
      'RUN_INVALID',
      `${folder} has no trained weights yet (${BEST}): let "beltsight train --resume" finish at least one epoch.`,
      { cause },
    );
  }
  const { tensors, metadata } = readSafetensors(bytes, join(folder, BEST));
  return {
    run,
    weights: new Map([...tensors].map(([name, { data }]) => [name, data] as const)),
    best: { epoch: Number(metadata.epoch), heldOutLoss: Number(metadata.heldOutLoss) },
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** Whether a folder is a run with these weights (their SHA-256). */
export async function isRun(folder: string, weights: string): Promise<boolean> {
  return readRun(folder).then(
    ({ sha256 }) => sha256 === weights,
    () => false,
  );
}
