import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { blobPath } from '@beltsight/sdk/release';
import { makeFolder, PART, syncFolder } from '../../atomic.js';
import { limited, type ReadLimits } from '../source/limits.js';
import { NoRanges, NotThere, type Transport } from '../source/transport.js';

/** A file of a bundle by what is in it. */
export interface BlobInfo {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface BlobLimits extends Omit<ReadLimits, 'maxBytes'> {
  /** Bytes that blobs may take together. */
  readonly quotaBytes: number;
  /** Bytes that must stay free on the disk. */
  readonly reserveBytes: number;
}

/** Files of bundles by their SHA-256. One that is there under its name is whole: it was checked before it got it. */
export class BlobStore {
  constructor(
    private readonly folder: string,
    private readonly limits: BlobLimits,
  ) {}

  /** Where a blob lies, or would. */
  path({ sha256 }: Pick<BlobInfo, 'sha256'>): string {
    return join(this.folder, sha256);
  }

  async has(blob: BlobInfo): Promise<boolean> {
    const found = await stat(this.path(blob)).catch(() => undefined);
    return found?.size === blob.sizeBytes;
  }

  /**
   * Fetches blobs that are not there, going on where an earlier attempt was interrupted.
   * @param progress hears how many bytes of them are there
   * @throws BeltsightError UPDATE_REFUSED if one is not what was signed, UPDATE_UNREACHABLE, IO_FAILED if quota or disk are used up
   */
  async fetch(
    blobs: readonly BlobInfo[],
    transport: Transport,
    signal: AbortSignal,
    progress: (bytes: number, totalBytes: number) => void,
  ): Promise<void> {
    await this.#write(() => makeFolder(this.folder));
    const missing = new Map<string, BlobInfo>();
    for (const blob of blobs) if (!(await this.has(blob))) missing.set(blob.sha256, blob);
    const total = [...missing.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await this.#requireSpace(total, missing);
    let done = 0;
    for (const blob of missing.values()) {
      const before = done;
      const fetchOne = () => this.#fetchOne(blob, transport, signal, (bytes) => progress(before + bytes, total));
      await fetchOne().catch(async (error: unknown) => {
        if (!(error instanceof NoRanges)) throw error;
        // What comes again is taken again, so that all that comes counts against the limits.
        await this.#write(() => rm(this.path(blob) + PART, { force: true }));
        await fetchOne();
      });
      done += blob.sizeBytes;
    }
  }

  /**
   * Removes those whose content is not what their name says: a disk that forgets.
   * @returns whether there were any
   */
  async dropDamaged(blobs: readonly BlobInfo[]): Promise<boolean> {
    let dropped = false;
    for (const blob of blobs) {
      const hash = createHash('sha256');
      try {
        for await (const chunk of createReadStream(this.path(blob))) hash.update(chunk);
      } catch {
        // What cannot be read is damaged, too.
      }
      if (hash.digest('hex') === blob.sha256) continue;
      await this.#write(() => rm(this.path(blob), { force: true }));
      dropped = true;
    }
    return dropped;
  }

  /** Removes every blob, whole or not, that is not to be kept. */
  async keepOnly(digests: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.folder).catch(() => []);
    for (const name of names) {
      if (!digests.has(basename(name, PART))) await rm(join(this.folder, name), { force: true });
    }
  }

  async #fetchOne(
    blob: BlobInfo,
    transport: Transport,
    signal: AbortSignal,
    progress: (bytes: number) => void,
  ): Promise<void> {
    const { sha256, sizeBytes } = blob;
    const part = this.path(blob) + PART;
    const hash = createHash('sha256');
    const handle = await this.#write(() => open(part, 'a'));
    try {
      let offset = await resumeAt(part, sizeBytes, hash);
      if (offset === 0) await this.#write(() => handle.truncate(0));
      progress(offset);
      if (offset < sizeBytes) {
        const limits = { ...this.limits, maxBytes: sizeBytes - offset };
        const path = blobPath(sha256);
        for await (const chunk of limited(fromRepository(transport, path, offset, signal), limits, path, signal)) {
          await this.#write(() => handle.writeFile(chunk));
          hash.update(chunk);
          offset += chunk.length;
          progress(offset);
        }
      }
      if (offset < sizeBytes) {
        throw new BeltsightError(
          'UPDATE_UNREACHABLE',
          `${transport.name} gave ${offset} of the ${sizeBytes} bytes of ${blobPath(sha256)}.`,
        );
      }
      await this.#write(() => handle.sync());
    } finally {
      await handle.close();
    }
    if (hash.digest('hex') !== sha256) {
      // Going on with it would never end well.
      await rm(part, { force: true });
      throw new BeltsightError(
        'UPDATE_REFUSED',
        `${blobPath(sha256)} of ${transport.name} is not what was signed: it is thrown away.`,
      );
    }
    await this.#write(() => rename(part, this.path(blob)));
    await this.#write(() => syncFolder(this.folder));
  }

  /** @param missing what is to come, by digest; some of it may be there already */
  async #requireSpace(total: number, missing: ReadonlyMap<string, BlobInfo>): Promise<void> {
    const { quotaBytes, reserveBytes } = this.limits;
    const megabytes = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`;
    let used = 0;
    let begun = 0;
    for (const name of await readdir(this.folder)) {
      const { size } = await stat(join(this.folder, name)).catch(() => ({ size: 0 }));
      if (!name.endsWith(PART)) used += size;
      else if (missing.has(basename(name, PART))) begun += size;
    }
    if (used + total > quotaBytes) {
      throw new BeltsightError(
        'IO_FAILED',
        `The update needs ${megabytes(used + total)} in ${this.folder}, its quota is ${megabytes(quotaBytes)}: raise update.quotaMegabytes.`,
      );
    }
    const bytes = Math.max(0, total - begun);
    const { bavail, bsize } = await statfs(this.folder);
    if (bavail * bsize - bytes >= reserveBytes) return;
    throw new BeltsightError(
      'IO_FAILED',
      `The update needs ${megabytes(bytes)}, the disk of ${this.folder} has ${megabytes(bavail * bsize)} left, of which ${megabytes(reserveBytes)} are kept free: free some space.`,
    );
  }

  async #write<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (cause) {
      throw new BeltsightError('IO_FAILED', `${this.folder} cannot be written: ${(cause as Error).message}.`, {
        cause,
      });
    }
  }
}

/** How much of a part is there; what is too long is begun anew. */
async function resumeAt(part: string, sizeBytes: number, hash: Hash): Promise<number> {
  const { size } = await stat(part);
  if (size > sizeBytes) return 0;
  for await (const chunk of createReadStream(part)) hash.update(chunk);
  return size;
}

async function* fromRepository(
  transport: Transport,
  path: string,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* transport.read(path, offset, signal);
  } catch (error) {
    if (!(error instanceof NotThere)) throw error;
    throw new BeltsightError(
      'UPDATE_REFUSED',
      `${transport.name} lacks ${path}, which a signed release names: publish it again.`,
      {
        cause: error,
      },
    );
  }
}
