import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { desiredSchema } from '@beltsight/sdk';
import { z } from 'zod';
import { writeAtomically } from '../../atomic.js';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const placeSchema = z.enum(['factory', 'a', 'b']);
/** Where a bundle lies: the one the device was installed with, or one of two slots. */
export type Place = z.infer<typeof placeSchema>;
export type Slot = Exclude<Place, 'factory'>;

const occupantSchema = z.object({ release: z.string(), digest, modelId: z.string() });
/** Which release lies in a slot. */
export type Occupant = z.infer<typeof occupantSchema>;

const recordSchema = z.object({
  schema: z.literal('beltsight.slots/1'),
  /** Rises with every write: the newer of two copies counts. */
  sequence: z.int().nonnegative(),
  active: placeSchema,
  /** What to go back to. */
  fallback: placeSchema,
  slots: z.object({ a: occupantSchema.nullable(), b: occupantSchema.nullable() }),
  /** A new model that has not proved itself; `starts` counts how often the service began with it. */
  probation: z.object({ since: z.iso.datetime(), starts: z.int().nonnegative() }).nullable(),
  /** Releases that are not tried again. */
  failed: z.array(z.object({ release: z.string(), digest, at: z.iso.datetime(), reason: z.string() })),
  /** Highest `retry` of a desired message that was followed. */
  retry: z.int().nonnegative(),
  /** The last word on what the device shall run; null: what the channel says. */
  desired: desiredSchema.nullable().default(null),
  /** A person forbids updates. */
  hold: z.boolean(),
});
export type UpdateRecord = z.infer<typeof recordSchema>;

const FIRST_RECORD: UpdateRecord = {
  schema: 'beltsight.slots/1',
  sequence: 0,
  active: 'factory',
  fallback: 'factory',
  slots: { a: null, b: null },
  probation: null,
  failed: [],
  retry: 0,
  desired: null,
  hold: false,
};

/** Releases that have failed are remembered up to so many. */
const MOST_FAILED = 32;

/**
 * What must survive everything: which bundle is in use, and what is known of the others. Two copies are written in turn, each whole and
 * with its digest, so that neither a power cut nor a bad block takes both.
 */
export class RecordFile {
  #record: UpdateRecord = FIRST_RECORD;

  private constructor(private readonly folder: string) {}

  /** @throws what the file system throws if the folder can be neither made nor read; damaged copies are passed over with a warning */
  static async open(folder: string, warn: (line: string) => void): Promise<RecordFile> {
    await mkdir(folder, { recursive: true });
    const file = new RecordFile(folder);
    for (const copy of COPIES) {
      const path = join(folder, copy);
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') warn(`${path} cannot be read (${error.message}): its copy is used.`);
        return undefined;
      });
      if (text === undefined) continue;
      const record = decode(text);
      if (!record) warn(`${path} is damaged: its copy is used.`);
      else if (record.sequence >= file.#record.sequence) file.#record = record;
    }
    return file;
  }

  get record(): UpdateRecord {
    return this.#record;
  }

  /** @throws what the file system throws; then nothing has changed */
  async write(change: Partial<Omit<UpdateRecord, 'schema' | 'sequence'>>): Promise<void> {
    const next = { ...this.#record, ...change, sequence: this.#record.sequence + 1 };
    next.failed = next.failed.slice(-MOST_FAILED);
    await writeAtomically(join(this.folder, COPIES[next.sequence % 2] as string), encode(next));
    this.#record = next;
  }
}

const COPIES = ['record.0.json', 'record.1.json'];

function encode(record: UpdateRecord): string {
  const text = JSON.stringify(record);
  return `${createHash('sha256').update(text).digest('hex')}\n${text}\n`;
}

function decode(content: string): UpdateRecord | undefined {
  const [digest, text = ''] = content.split('\n');
  if (createHash('sha256').update(text).digest('hex') !== digest) return undefined;
  const parsed = recordSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}
