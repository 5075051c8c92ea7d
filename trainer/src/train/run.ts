import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import { modelConfigSchema } from '../model/network.js';
import { readSafetensors } from '../model/safetensors.js';
import { writeAtomically, writeFailed } from './atomic.js';
import { trainConfigSchema } from './config.js';

const RUN = 'run.json';
const BEST = 'best.safetensors';

/** A class of a run: which of its good images train, and which are held out for stopping and calibration. */
const runClassSchema = z.object({
  name: z.string(),
  folder: z.string(),
  train: z.array(z.string()).min(1),
  heldOut: z.array(z.string()),
});

/** The description of a run: all that decides it, so that the same folder and seed give the same bits. */
const runSchema = z.object({
  schema: z.literal('beltsight.run/1'),
  startedAt: z.iso.datetime(),
  versions: z.record(z.string(), z.string()),
  config: trainConfigSchema,
  model: modelConfigSchema,
  teacher: z.object({ source: z.string(), metadata: z.record(z.string(), z.string()), sha256: z.string() }),
  dataDigest: z.string().describe('SHA-256 over names and sizes of the training images.'),
  classes: z.array(runClassSchema).min(1),
});
export type Run = z.infer<typeof runSchema>;

/** A finished (or stopped) run with its best weights: parameters and running statistics by name. */
export interface TrainedRun {
  readonly run: Run;
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Epoch of the best weights and their held-out distillation loss. */
  readonly best: { readonly epoch: number; readonly heldOutLoss: number };
}

/** Paths inside a run folder. */
export function runFiles(folder: string) {
  return {
    run: join(folder, RUN),
    metrics: join(folder, 'metrics.jsonl'),
    checkpoint: join(folder, 'checkpoint.safetensors'),
    best: join(folder, BEST),
  };
}

/**
 * Starts a run folder.
 * @throws BeltsightError RUN_INVALID if the folder holds something already
 */
export async function createRun(folder: string, run: Run): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw writeFailed(folder, cause);
  }
  const held = await readdir(folder);
  if (held.length > 0) {
    const what = held.includes(RUN) ? 'holds a run already: add --resume to go on with it' : 'is not empty';
    throw new BeltsightError('RUN_INVALID', `${folder} ${what}, or choose another folder with --out.`);
  }
  await writeAtomically(join(folder, RUN), `${JSON.stringify(run, null, 2)}\n`);
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
  };
}
