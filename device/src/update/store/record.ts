import { type FileHandle, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError, desiredSchema } from '@beltsight/sdk';
import { z } from 'zod';
import { makeFolder, writeAtomically } from '../../atomic.js';
import { lockFolder } from '../../lock.js';
import { checked, digested } from './digested.js';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const placeSchema = z.enum(['factory', 'a', 'b']);
/** Where a bundle lies: the one the device was installed with, or one of two slots. */
export type Place = z.infer<typeof placeSchema>;
export type Slot = Exclude<Place, 'factory'>;

const occupantSchema = z.object({
  release: z.string(),
  /** Of the signed document of the release. */
  digest,
  modelId: z.string(),
  /** Of the bundle's manifest, which holds the digests of all other files. */
  manifest: digest,
});
/** Which release lies in a slot. */
export type Occupant = z.infer<typeof occupantSchema>;

const baselineSchema = z.object({
  /** Median of the time from capture to result, in milliseconds. */
  latencyMs: z.number(),
  /** Share of products that were rejected or unknown. */
  rejectRate: z.number(),
});
/** What a model does, for the next one to be compared with. */
export type Baseline = z.infer<typeof baselineSchema>;

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
  /** What the last model that proved itself, or the one that was installed, did; null: it has inspected too little. */
  baseline: baselineSchema.nullable().default(null),
  /** Blobs of a release that was fetched to be switched to later: they stay until another one is fetched. */
  fetched: z.array(digest).default([]),
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
  baseline: null,
  fetched: [],
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

  #lock: FileHandle | undefined;

  private constructor(private readonly folder: string) {}

  /**
   * Takes the folder for this process until `close`. A disk that refuses, and damaged copies, are passed over with a warning: the device shall inspect.
   * @throws BeltsightError UPDATE_IN_USE if another process has the folder
   */
  static async open(folder: string, warn: (line: string) => void): Promise<RecordFile> {
    const file = new RecordFile(folder);
    try {
      await file.#take();
    } catch (error) {
      if (error instanceof BeltsightError) throw error;
      warn(`${folder} cannot be written (${(error as Error).message}): there are no updates until it can.`);
    }
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

  /** @throws what the file system throws, or BeltsightError UPDATE_IN_USE; then nothing has changed */
  async write(change: Partial<Omit<UpdateRecord, 'schema' | 'sequence'>>): Promise<void> {
    const next = { ...this.#record, ...change, sequence: this.#record.sequence + 1 };
    next.failed = next.failed.slice(-MOST_FAILED);
    await this.#take();
    await writeAtomically(join(this.folder, COPIES[next.sequence % 2] as string), digested(JSON.stringify(next)));
    this.#record = next;
  }

  /** As `write`, but what the disk refuses holds all the same, until the next write takes it along or the process ends. */
  async writeAnyway(change: Parameters<RecordFile['write']>[0], warn: (line: string) => void): Promise<void> {
    try {
      await this.write(change);
    } catch (error) {
      warn(`${this.folder} cannot be written (${(error as Error).message}): a restart will not know what happened.`);
      this.#record = { ...this.#record, ...change };
    }
  }

  /** Lets other processes have the folder. */
  async close(): Promise<void> {
    await this.#lock?.close();
    this.#lock = undefined;
  }

  /** Where the disk refused before, it is tried again. */
  async #take(): Promise<void> {
    if (this.#lock) return;
    await makeFolder(this.folder);
    this.#lock = await lockFolder(this.folder, 'UPDATE_IN_USE');
  }
}

const COPIES = ['record.0.json', 'record.1.json'];

function decode(content: string): UpdateRecord | undefined {
  const text = checked(content);
  return text === undefined ? undefined : recordSchema.safeParse(JSON.parse(text)).data;
}
