import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { syncFolder, writeAtomically } from '../atomic.js';
import { aboutOf, imageOf, type KeptFrame, type Mark, recordSchema } from './record.js';

export interface FramesOptions {
  /** Folder for frames that nobody has marked. */
  readonly folder: string;
  /** Data set folder for those that somebody has. */
  readonly marked: string;
  /** Frames that are remembered, those that wait in the data set not counted. */
  readonly keep: number;
  /** Bytes that all images may take. */
  readonly quotaBytes: number;
  /** Bytes that must stay free on the disk. */
  readonly reserveBytes: number;
  /** Goes into the line on each marked image. */
  readonly about: object;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Where a frame's image is; `gone`: sent, or taken away. */
type Place = 'kept' | 'marked' | 'gone';
interface Entry {
  readonly record: KeptFrame;
  readonly place: Place;
}

/**
 * The frames of the last products that did not pass, on disk: `<folder>/<result id>.png` and `.json`. A marked one moves to
 * `<marked>/<class>/train/good/<result id>.png`, with a line in `<marked>/<class>/collected.jsonl`, so that the folder is a data set as
 * `collect` makes them. Its record stays as long as others do: marking twice does nothing. What decides is the record; a move that was
 * interrupted is made up for.
 */
export class KeptFrames {
  /** By result id, oldest first: ids are UUIDv7. */
  #entries = new Map<string, Entry>();
  #inTurn: Promise<unknown> = Promise.resolve();

  private constructor(private readonly options: FramesOptions) {}

  /** Finds what is there. What is damaged is thrown away; a disk that cannot be read or written is met again at the next frame. */
  static async open(options: FramesOptions): Promise<KeptFrames> {
    const frames = new KeptFrames(options);
    try {
      await frames.#load();
    } catch (error) {
      options.logger.warn({ err: error }, `Rejected frames of before cannot be read: ${(error as Error).message}.`);
    }
    return frames;
  }

  get figures(): { kept: number; waiting: number } {
    return { kept: this.#of('kept').length, waiting: this.#of('marked').length };
  }

  find(id: string): KeptFrame | undefined {
    return this.#entries.get(id)?.record;
  }

  /** Marked frames whose images are here, oldest first. */
  get waiting(): readonly KeptFrame[] {
    return this.#of('marked').map(({ record }) => record);
  }

  /**
   * Keeps a frame; the oldest that nobody marked make room for it.
   * @throws BeltsightError IO_FAILED if there is no room, or it cannot be written
   */
  add(record: KeptFrame, png: Uint8Array): Promise<void> {
    return this.#one(async () => {
      await mkdir(this.options.folder, { recursive: true });
      await this.#makeRoom(png.length);
      // An image without its record is cleared away at the next start.
      await writeAtomically(this.#keptFile(record), png);
      await this.#write(record);
      this.#entries.set(record.result.id, { record, place: 'kept' });
      await this.#forget();
    });
  }

  /**
   * Marks a frame, once: a second mark changes nothing.
   * @returns the record, and whether it is new; undefined where there is no such frame
   * @throws BeltsightError IO_FAILED if the image is damaged, or it cannot be moved
   */
  mark(id: string, mark: Mark): Promise<{ record: KeptFrame; isNew: boolean } | undefined> {
    return this.#one(async () => {
      const entry = this.#entries.get(id);
      if (!entry) return undefined;
      if (entry.record.mark) {
        // A move that failed before.
        if (entry.place === 'kept') await this.#move(entry.record);
        return { record: entry.record, isNew: false };
      }
      if (!(await isSound(this.#keptFile(entry.record), entry.record))) {
        await this.#drop(entry);
        const message = `The frame of result ${id} is damaged on disk: it was thrown away.`;
        throw new BeltsightError('IO_FAILED', message);
      }
      const record = { ...entry.record, mark };
      await this.#write(record);
      this.#entries.set(id, { record, place: 'kept' });
      await this.#move(record);
      return { record, isNew: true };
    });
  }

  /** The image of a marked frame; undefined where it was taken away or is damaged, which is said once. */
  read(record: KeptFrame): Promise<Buffer | undefined> {
    return this.#one(async () => {
      const file = this.#markedFile(record);
      const png = await readFile(file).catch(unlessMissing);
      if (png && digestOf(png) === record.sha256) return png;
      if (png) this.options.logger.warn(`${file} is damaged on disk: it is thrown away.`);
      await this.#leave(record);
      return undefined;
    });
  }

  /** Takes the image of a marked frame away: others have it. */
  sent(record: KeptFrame): Promise<void> {
    return this.#one(() => this.#leave(record));
  }

  /** One after the other: each leaves files and memory saying the same. */
  #one<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#inTurn.then(work).catch((cause) => {
      if (cause instanceof BeltsightError) throw cause;
      const message = `Rejected frames cannot be kept in ${this.options.folder}: ${(cause as Error).message}.`;
      throw new BeltsightError('IO_FAILED', message, { cause });
    });
    this.#inTurn = result.catch(() => undefined);
    return result;
  }

  #of(place: Place): readonly Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.place === place);
  }

  async #load(): Promise<void> {
    const { folder, logger } = this.options;
    await mkdir(folder, { recursive: true });
    const names = (await readdir(folder)).sort();
    const kept = new Set<string>();
    let damaged = 0;
    for (const name of names.filter((each) => each.endsWith('.json'))) {
      const entry = await this.#entryOf(name);
      if (!entry) {
        damaged++;
        continue;
      }
      this.#entries.set(entry.record.result.id, entry);
      kept.add(name);
      if (entry.place === 'kept') kept.add(imageOf(entry.record));
    }
    // What a power cut left behind, and what is damaged.
    for (const name of names) if (!kept.has(name)) await rm(join(folder, name), { force: true });
    if (damaged > 0) logger.warn(`${damaged} rejected frames of before are damaged on disk: they were thrown away.`);
    for (const { record } of this.#of('kept')) if (record.mark) await this.#move(record);
    for (const className of new Set(this.waiting.map(({ mark }) => mark?.class))) await this.#writeLines(className);
    await this.#forget();
  }

  async #entryOf(name: string): Promise<Entry | undefined> {
    let record: KeptFrame;
    try {
      record = recordSchema.parse(JSON.parse(await readFile(join(this.options.folder, name), 'utf8')));
    } catch {
      return undefined;
    }
    if (name !== `${record.result.id}.json`) return undefined;
    const sizeOf = (file: string) => stat(file).then(({ size }) => size, unlessMissing);
    if ((await sizeOf(this.#keptFile(record))) === record.sizeBytes) return { record, place: 'kept' };
    if (!record.mark) return undefined;
    return { record, place: (await sizeOf(this.#markedFile(record))) === undefined ? 'gone' : 'marked' };
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { folder, marked, quotaBytes, reserveBytes } = this.options;
    const unmarked = this.#of('kept').filter(({ record }) => !record.mark);
    const { bavail, bsize } = await statfs(folder);
    let free = bavail * bsize;
    let taken = [...this.#of('kept'), ...this.#of('marked')].reduce((sum, { record }) => sum + record.sizeBytes, 0);
    while (taken + bytes > quotaBytes || free - bytes < reserveBytes) {
      const oldest = unmarked.shift();
      if (!oldest) {
        const message =
          free - bytes < reserveBytes
            ? `The disk of ${folder} has ${megabytes(free)} left, of which ${megabytes(reserveBytes)} are kept free: free some space.`
            : `The frames in ${marked} take ${megabytes(taken)} of ${megabytes(quotaBytes)}: send them to an inbox and take them away, or raise feedback.quotaMegabytes.`;
        throw new BeltsightError('IO_FAILED', message);
      }
      await this.#drop(oldest);
      taken -= oldest.record.sizeBytes;
      free += oldest.record.sizeBytes;
    }
  }

  /** Of those that do not wait in the data set, the oldest go. */
  async #forget(): Promise<void> {
    const others = [...this.#entries.values()].filter(({ place }) => place !== 'marked');
    for (const entry of others.slice(0, Math.max(0, others.length - this.options.keep))) await this.#drop(entry);
  }

  async #drop({ record }: Entry): Promise<void> {
    await rm(this.#keptFile(record), { force: true });
    await rm(this.#recordFile(record), { force: true });
    this.#entries.delete(record.result.id);
  }

  async #move(record: KeptFrame): Promise<void> {
    const { folder, marked } = this.options;
    const className = record.mark?.class as string;
    const good = join(marked, className, 'train', 'good');
    await mkdir(good, { recursive: true });
    await rename(this.#keptFile(record), this.#markedFile(record));
    await syncFolder(good);
    await syncFolder(folder);
    this.#entries.set(record.result.id, { record, place: 'marked' });
    await this.#writeLines(className);
  }

  async #leave(record: KeptFrame): Promise<void> {
    await rm(this.#markedFile(record), { force: true });
    this.#entries.set(record.result.id, { record, place: 'gone' });
    await this.#writeLines(record.mark?.class);
    await this.#forget();
  }

  /** What is known of the images of a class, a line on each. */
  async #writeLines(className = ''): Promise<void> {
    const { marked, about } = this.options;
    const lines = this.waiting
      .filter(({ mark }) => mark?.class === className)
      .map((record) => `${JSON.stringify(aboutOf(record, about))}\n`);
    await writeAtomically(join(marked, className, 'collected.jsonl'), lines.join(''));
  }

  async #write(record: KeptFrame): Promise<void> {
    await writeAtomically(this.#recordFile(record), `${JSON.stringify(record)}\n`);
  }

  #recordFile({ result }: KeptFrame): string {
    return join(this.options.folder, `${result.id}.json`);
  }

  #keptFile(record: KeptFrame): string {
    return join(this.options.folder, imageOf(record));
  }

  #markedFile(record: KeptFrame): string {
    return join(this.options.marked, record.mark?.class ?? '', 'train', 'good', imageOf(record));
  }
}

export const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function isSound(file: string, { sha256 }: KeptFrame): Promise<boolean> {
  const png = await readFile(file).catch(unlessMissing);
  return png !== undefined && digestOf(png) === sha256;
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
