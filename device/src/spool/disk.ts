import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { StoredRecord } from './record.js';
import { type Found, Store } from './store.js';
import { Writer } from './writer.js';

/** What a disk must take before it is trusted again after it refused. */
const PROBE_BYTES = 2 ** 20;

export interface DiskOptions {
  readonly folder: string;
  readonly sync: 'always' | number;
  readonly logger: Logger;
  /** Between attempts to use a disk that refused. */
  readonly retryMs: number;
  /** Key of the first record that is pushed; what the store has from earlier is given keys below. */
  readonly origin: number;
  /** What is to be written under a key; undefined where it has gone meanwhile. */
  readonly recordOf: (key: number) => StoredRecord | undefined;
  /** These are in the store now. */
  readonly written: (keys: readonly number[]) => void;
  /** Whether a record with a key in the range, both ends included, still waits. */
  readonly waits: (from: number, to: number) => boolean;
  /** The store is open, for the first time or anew. */
  readonly opened: (found: Found, again: boolean) => void;
}

/**
 * A store that may fail: while its disk refuses, what is put is not written, and the disk is tried again now and then. Flushes
 * only what waits for long: what is delivered at once costs no flush.
 */
export class Disk {
  #store: Store | undefined;
  #writer: Writer | undefined;
  #fault: string | undefined;
  #closing = false;
  /** Keys are higher than those on disk by so much, once the store was open. */
  #shift: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempt: Promise<void> = Promise.resolve();
  readonly #flushes: NodeJS.Timeout | undefined;
  /** The highest key that was written and not flushed when last looked. */
  #seen = 0;

  constructor(private readonly options: DiskOptions) {
    // Two looks apart: no record waits longer than the whole interval for its flush.
    if (options.sync !== 'always') this.#flushes = setInterval(() => this.#flush(), options.sync / 2).unref();
  }

  /** Why nothing can be written. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** @throws BeltsightError SPOOL_IN_USE; whatever else goes wrong is a fault */
  async open(): Promise<void> {
    const { folder, logger, origin, opened, recordOf, written, sync } = this.options;
    const shift = this.#shift;
    try {
      const { store, found } = await Store.open(folder, (tail) => shift ?? origin - tail, logger);
      this.#store = store;
      this.#writer = new Writer({
        store,
        always: sync === 'always',
        recordOf,
        written,
        failed: (error) => this.#fail(error),
      });
      if (this.#fault !== undefined) logger.info(`The spool in ${folder} can be written again.`);
      this.#fault = undefined;
      this.#shift = found.shift;
      opened(found, shift !== undefined);
    } catch (error) {
      if (error instanceof BeltsightError && shift === undefined) throw error;
      this.#fail(error);
    }
  }

  put(key: number): void {
    this.#writer?.put(key);
  }

  /** @param inStore whether the key was reported as written */
  remove(key: number, inStore: boolean): void {
    this.#writer?.remove(key, inStore);
  }

  /** Whether there is a store to read from. */
  get readable(): boolean {
    return this.#store !== undefined;
  }

  /** A record, at once; undefined where it cannot be read. */
  read(key: number): StoredRecord | undefined {
    try {
      return this.#store?.read(key);
    } catch {
      return undefined;
    }
  }

  /** As `read`, without waiting for the disk. */
  async load(key: number): Promise<StoredRecord | undefined> {
    return this.#store?.load(key).catch(() => undefined);
  }

  /** Resolves when all that was put is in the store, or the disk refuses. */
  async idle(): Promise<void> {
    await this.#writer?.idle();
  }

  /** Writes what was put, flushes it and closes the store. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#flushes);
    clearTimeout(this.#retry);
    await this.#attempt;
    this.#writer?.sync();
    await this.#writer?.idle();
    await this.#shut();
  }

  #flush(): void {
    const unsynced = this.#writer?.unsynced;
    if (!unsynced) return;
    if (this.options.waits(unsynced.from, Math.min(unsynced.to, this.#seen))) this.#writer?.sync();
    this.#seen = unsynced.to;
  }

  #fail(error: unknown): void {
    const { folder, logger, retryMs } = this.options;
    if (this.#fault === undefined) {
      logger.error(
        { err: error },
        `The spool in ${folder} cannot be written (${(error as Error).message}): what waits for the broker is in memory only. Free or repair the disk.`,
      );
    }
    this.#fault = (error as Error).message;
    if (this.#closing) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#attempt = this.#tryAgain();
    }, retryMs).unref();
  }

  async #tryAgain(): Promise<void> {
    try {
      await probe(this.options.folder);
    } catch (error) {
      this.#fail(error);
      return;
    }
    await this.#shut();
    await this.open().catch((error) => this.#fail(error));
  }

  async #shut(): Promise<void> {
    const [store, writer] = [this.#store, this.#writer];
    this.#store = undefined;
    this.#writer = undefined;
    await writer?.stop();
    await store
      ?.close()
      .catch((error) => this.options.logger.warn({ err: error }, `Spool: ${(error as Error).message}`));
  }
}

/** @throws what the file system throws if it does not take and flush a file of `PROBE_BYTES` */
async function probe(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'probe');
  try {
    const handle = await open(file, 'w');
    try {
      await handle.writeFile(Buffer.alloc(PROBE_BYTES, 1));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(file, { force: true });
  }
}
