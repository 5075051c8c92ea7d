import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import { METRICS, metricsSchema } from '../evaluate/results.js';
import { writeAtomically } from '../train/atomic.js';
import { trainConfigSchema } from '../train/config.js';

const fraction = z.number().min(0).max(1).nullable();

/** What is kept of a run: how it was made, and what it measured. Small enough to commit. */
const runResultSchema = z.object({
  schema: z.literal('beltsight.result/1'),
  key: z.string(),
  finishedAt: z.iso.datetime(),
  config: trainConfigSchema,
  versions: z.record(z.string(), z.string()),
  revision: z.string().nullable().describe('Git revision of the working folder.'),
  fingerprint: z.string().nullable().describe('SHA-256 over names and content of the training images.'),
  testFingerprint: z
    .string()
    .optional()
    .describe('The same of the test images, with their defects and masks; not in results of earlier versions.'),
  teacher: z.object({ name: z.string(), sha256: z.string() }),
  training: z.object({
    images: z.int().positive(),
    steps: z.int().nonnegative(),
    epochs: z.int().positive(),
    bestEpoch: z.int().nullable(),
    heldOutLoss: z.number().nullable(),
    seconds: z.number().nonnegative().nullable().describe('Of training; null where it was interrupted in between.'),
  }),
  classes: z.record(
    z.string(),
    metricsSchema(fraction).extend({
      images: z.int(),
      defects: z.int(),
      masks: z.int(),
      falseRejectRate: fraction,
      missed: fraction,
      recognised: fraction,
    }),
  ),
});
export type RunResult = z.infer<typeof runResultSchema>;
export type ClassFigures = RunResult['classes'][string];

/** Figures of a class, in the order in which people read them. */
export const CLASS_FIGURES = [...METRICS, 'falseRejectRate', 'missed', 'recognised'] as const;

const fileOf = (folder: string, key: string) => join(folder, `${key}.json`);

/**
 * The result of a run; undefined if it is not there yet.
 * @throws BeltsightError RUN_INVALID if the file is damaged
 */
export async function readResult(folder: string, key: string): Promise<RunResult | undefined> {
  const file = fileOf(folder, key);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BeltsightError('IO_FAILED', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  try {
    return runResultSchema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new BeltsightError(
      'RUN_INVALID',
      `${file} is damaged or of another version; remove it to run again:\n${why}`,
      {
        cause,
      },
    );
  }
}

export async function writeResult(folder: string, result: RunResult): Promise<void> {
  await writeAtomically(fileOf(folder, result.key), `${JSON.stringify(result, rounded, 1)}\n`);
}

/** Six digits are more than a figure over some hundred images has. */
const rounded = (_key: string, value: unknown) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
