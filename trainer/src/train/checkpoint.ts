import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../model/safetensors.js';
import { writeAtomically } from './atomic.js';
import type { Losses, TrainingState } from './engine.js';

/** Where a run stands: enough to go on as if it had never stopped. */
const progressSchema = z.object({
  /** Epoch that is running, from 0. */
  epoch: z.int().nonnegative(),
  /** Batches of that epoch that are done. */
  batch: z.int().nonnegative(),
  /** Steps in all. */
  step: z.int().nonnegative(),
  bestEpoch: z.int().nonnegative().nullable(),
  bestLoss: z.number().nullable(),
  /** Sums of the losses of the running epoch's steps, so that its means do not depend on a stop. */
  lossSums: z.object({
    total: z.number(),
    kd: z.number(),
    local: z.number(),
    global: z.number(),
    gradientNorm: z.number(),
  }),
  /** Bytes of metrics.jsonl that belong to what is done. */
  metricsBytes: z.int().nonnegative(),
  finished: z.boolean(),
});
export type Progress = z.infer<typeof progressSchema>;

export const NO_LOSSES: Losses = { total: 0, kd: 0, local: 0, global: 0, gradientNorm: 0 };

export const FRESH: Progress = {
  epoch: 0,
  batch: 0,
  step: 0,
  bestEpoch: null,
  bestLoss: null,
  lossSums: NO_LOSSES,
  metricsBytes: 0,
  finished: false,
};

/** State and progress in one file, so that they cannot part. */
export async function writeCheckpoint(file: string, state: TrainingState, progress: Progress): Promise<void> {
  await writeAtomically(file, writeSafetensors(stored(state.tensors), { progress: JSON.stringify(progress) }));
}

/**
 * The checkpoint of a run; undefined where none was written yet.
 * @throws BeltsightError CHECKPOINT_INVALID if the file is damaged
 */
export async function readCheckpoint(file: string): Promise<{ state: TrainingState; progress: Progress } | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BeltsightError('IO_FAILED', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    const { tensors, metadata } = readSafetensors(bytes, file);
    const progress = progressSchema.parse(JSON.parse(metadata.progress ?? 'null'));
    const flat = new Map([...tensors].map(([name, { data }]) => [name, data] as const));
    return { state: { step: progress.step, tensors: flat }, progress };
  } catch (cause) {
    throw new BeltsightError('CHECKPOINT_INVALID', `${file} is damaged: start again in another folder.`, { cause });
  }
}

/** Parameters and statistics of a state, without the optimiser's moments: what is exported. */
export async function writeWeights(
  file: string,
  state: TrainingState,
  metadata: Record<string, string>,
): Promise<void> {
  const weights = [...state.tensors].filter(([name]) => !name.startsWith('adam.'));
  await writeAtomically(file, writeSafetensors(stored(new Map(weights)), metadata));
}

/**
 * The weights that a fine-tuning starts from.
 * @throws BeltsightError CHECKPOINT_INVALID if the file is missing or damaged
 */
export async function readWeights(file: string): Promise<ReadonlyMap<string, Float32Array>> {
  try {
    const { tensors } = readSafetensors(await readFile(file), file);
    return new Map([...tensors].map(([name, { data }]) => [name, data] as const));
  } catch (cause) {
    throw new BeltsightError('CHECKPOINT_INVALID', `${file} is missing or damaged: start again in another folder.`, {
      cause,
    });
  }
}

function stored(tensors: ReadonlyMap<string, Float32Array>): Map<string, StoredTensor> {
  return new Map([...tensors].map(([name, data]) => [name, { shape: [data.length], data }] as const));
}
