import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';

const losses = { total: z.number(), kd: z.number(), local: z.number(), global: z.number(), gradientNorm: z.number() };
const lineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('step'), step: z.number(), ...losses }),
  z.object({ type: z.literal('epoch'), epoch: z.number(), heldOutLoss: z.number(), best: z.boolean(), ...losses }),
]);
type Line = z.infer<typeof lineSchema>;
type StepLine = Extract<Line, { type: 'step' }>;
type EpochLine = Extract<Line, { type: 'epoch' }> & { readonly lastStep: number };

/** What happened in a run, step by step. */
export interface History {
  readonly steps: readonly StepLine[];
  readonly epochs: readonly EpochLine[];
}

/**
 * Reads `metrics.jsonl` of a run. A last line that a stop cut off is left out.
 * @throws BeltsightError RUN_INVALID naming the line that is damaged
 */
export async function readHistory(file: string): Promise<History> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new BeltsightError('RUN_INVALID', `${file} cannot be read: the run has not begun a step yet.`, { cause });
  });
  const steps: StepLine[] = [];
  const epochs: EpochLine[] = [];
  const lines = text.split('\n');
  for (const [i, line] of lines.slice(0, -1).entries()) {
    const entry = parseLine(line, `${file}:${i + 1}`);
    if (entry.type === 'step') steps.push(entry);
    else epochs.push({ ...entry, lastStep: steps.at(-1)?.step ?? 0 });
  }
  return { steps, epochs };
}

function parseLine(line: string, where: string): Line {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new BeltsightError('RUN_INVALID', `${where} is damaged.`, { cause });
  }
}
