import { type FileHandle, mkdir, readdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { lockFolder } from '../lock.js';
import { setAside } from './aside.js';
import { Lane } from './lane.js';
import { Ledger } from './ledger.js';
import { Positions } from './positions.js';
import { encodeRecord, encodeRemoved, type Frame, type Importance, type StoredRecord } from './record.js';
import { parseName, pathOf, Segment, type SegmentName } from './segment.js';

/** A change of the store: a record, or undefined where it goes. */
export type Change = readonly [key: number, record: StoredRecord | undefined];

/**
 * Says by how much keys of the process are higher than those on disk.
 * @param tail the key on disk that comes next
 */
export type Shift = (tail: number) => number;

/** What a store held when it was opened. */
export interface Found {
  readonly ledger: Ledger;
  /** Places that were not what was written; what was there is gone. */
  readonly damaged: number;
  readonly shift: number;
}

/** Two records further apart were not waiting together: a lost note of removal brought back an old one. */
const FARTHEST = 2 ** 22;
/** What is wrong with the process, not with the file that it opens. */
const OF_THE_PROCESS = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);
/** The file may be sound. */
const OF_RIGHTS = new Set(['EACCES', 'EPERM']);
/** A position is the number of a segment times this, and the offset in it. */
const SPAN = 2 ** 32;

/**
 * Records in files of a folder that are only appended to: one row of segments for results and one for pictures, so that giving up
 * pictures gives back their space. Keys of the process are higher than those on disk by a number that stays the same while the
 * process runs: so a process that has started without its disk can put what the disk turns out to hold before its own.
 */
export class Store {
  readonly #segments = new Map<number, Segment>();
  readonly #lanes: Record<Importance, Lane> = {
    picture: new Lane(() => this.#create('picture')),
    result: new Lane(() => this.#create('result')),
  };
  readonly #positions = new Positions();
  #nextSegment = 1;
  #shift = 0;

  private constructor(
    private readonly folder: string,
    private readonly lock: FileHandle,
  ) {}

  /**
   * Opens the store of a folder with all that is sound in it. A file that cannot be read is set aside.
   * @throws BeltsightError SPOOL_IN_USE if another process has it
   * @throws what the file system throws if the folder cannot be read and written
   */
  static async open(folder: string, shift: Shift, logger: Logger): Promise<{ store: Store; found: Found }> {
    await mkdir(folder, { recursive: true });
    const lock = await lockFolder(folder, 'SPOOL_IN_USE');
    const store = new Store(folder, lock);
    try {
      return { store, found: await store.#scan(shift, logger) };
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /**
   * Appends changes in their order.
   * @param sync wait until these and all earlier ones would outlive a power cut
   */
  async write(changes: readonly Change[], sync: boolean): Promise<void> {
    for (const importance of ['picture', 'result'] as const) {
      const lane = this.#lanes[importance];
      const puts = changes.filter(([, record]) => record?.importance === importance);
      const removed = changes.filter(([key, record]) => !record && this.#importanceOf(key) === importance);
      if (puts.length + removed.length === 0) continue;
      await this.#append(
        await lane.writable(),
        puts,
        removed.map(([key]) => key),
      );
      for (const { name } of await lane.trim()) this.#segments.delete(name.number);
    }
    if (sync) for (const lane of Object.values(this.#lanes)) await lane.sync();
  }

  /** A record, at once; undefined where it is not what was written. @throws where the disk does not give it */
  read(key: number): StoredRecord | undefined {
    const place = this.#place(key);
    return place && this.#recordOf(key, place.segment.readNow(place.offset));
  }

  /** The record of a key, as `read`, without waiting for the disk. */
  async load(key: number): Promise<StoredRecord | undefined> {
    const place = this.#place(key);
    return place && this.#recordOf(key, await place.segment.read(place.offset));
  }

  async close(): Promise<void> {
    for (const lane of Object.values(this.#lanes)) await lane.close();
    await this.lock.close();
  }

  async #append(segment: Segment, puts: readonly Change[], removed: readonly number[]): Promise<void> {
    const bytes = puts.map(([key, record]) => encodeRecord(key - this.#shift, record as StoredRecord));
    if (removed.length > 0) bytes.push(encodeRemoved(removed.map((key) => key - this.#shift)));
    let offset = segment.size;
    await segment.append(Buffer.concat(bytes));
    for (const key of removed) this.#forget(key - this.#shift);
    for (const [i, [key]] of puts.entries()) {
      this.#remember(key - this.#shift, segment, offset);
      offset += (bytes[i] as Buffer).length;
    }
  }

  #remember(inner: number, segment: Segment, offset: number): void {
    this.#forget(inner);
    this.#positions.set(inner, segment.name.number * SPAN + offset);
    segment.live++;
  }

  #forget(inner: number): void {
    const position = this.#positions.delete(inner);
    const segment = position === undefined ? undefined : this.#segments.get(Math.floor(position / SPAN));
    if (segment) segment.live--;
  }

  #place(key: number): { segment: Segment; offset: number } | undefined {
    const position = this.#positions.get(key - this.#shift);
    const segment = position === undefined ? undefined : this.#segments.get(Math.floor(position / SPAN));
    return segment && { segment, offset: (position as number) % SPAN };
  }

  #importanceOf(key: number): Importance | undefined {
    const place = this.#place(key);
    return place?.segment.name.importance;
  }

  #recordOf(key: number, frame: Frame | undefined): StoredRecord | undefined {
    if (!frame || frame.kind === 'removed' || frame.key !== key - this.#shift) return undefined;
    return { importance: frame.kind, at: frame.at, body: frame.body };
  }

  async #create(importance: Importance): Promise<Segment> {
    const number = this.#nextSegment++;
    const segment = await Segment.create(this.folder, { number, importance });
    this.#segments.set(number, segment);
    return segment;
  }

  async #scan(shift: Shift, logger: Logger): Promise<Found> {
    const records = new Map<number, { bytes: number; at: number; importance: Importance }>();
    let damaged = 0;
    for (const name of (await readdir(this.folder)).sort().flatMap((each) => parseName(each) ?? [])) {
      // Whatever becomes of this one, no other gets its number.
      this.#nextSegment = name.number + 1;
      const opened = await this.#open(name, logger);
      if (!opened) {
        damaged++;
        continue;
      }
      const { segment, frames } = opened;
      damaged += opened.damaged;
      this.#segments.set(name.number, segment);
      this.#lanes[name.importance].add(segment);
      for (const [offset, frame] of frames) {
        if (frame.kind !== 'removed') {
          if (!Number.isSafeInteger(frame.key) || frame.key < 0) continue;
          records.set(frame.key, { bytes: frame.body.length, at: frame.at, importance: frame.kind });
          this.#remember(frame.key, segment, offset);
        } else for (const key of frame.keys) this.#forget(key);
      }
    }
    const keys = this.#positions.keys();
    const tail = (keys.at(-1) ?? 0) + 1;
    this.#shift = shift(tail);
    const ledger = new Ledger(0);
    for (const key of keys) {
      const record = records.get(key);
      if (record && tail - key <= FARTHEST) {
        ledger.skipTo(key + this.#shift);
        ledger.push(record.bytes, record.at, record.importance);
      } else this.#forget(key);
    }
    for (const lane of Object.values(this.#lanes)) {
      for (const { name } of await lane.trim()) this.#segments.delete(name.number);
    }
    if (damaged > 0)
      logger.error({ damaged }, `The spool in ${this.folder} is damaged in ${damaged} places: what was there is lost.`);
    return { ledger, damaged, shift: this.#shift };
  }

  /** A segment of an earlier process, and what is in it; undefined where that is nothing: its file is set aside. */
  async #open(name: SegmentName, logger: Logger) {
    const file = pathOf(this.folder, name);
    let segment: Segment | undefined;
    try {
      segment = await Segment.open(this.folder, name);
      const found = await segment.scan();
      if (found.frames.length > 0 || segment.size === 0) return { segment, ...found };
      await segment.close();
      logger.error(`${file} holds nothing that this version can read: ${await setAside(file)}.`);
    } catch (error) {
      await segment?.close();
      const { code, message } = error as NodeJS.ErrnoException;
      if (OF_THE_PROCESS.has(code ?? '')) throw error;
      // Whoever runs as another user once leaves sound files behind: they count again once they may be read.
      const fate = OF_RIGHTS.has(code ?? '')
        ? 'left where it is; let the service read and write it, and start it again'
        : await setAside(file);
      logger.error({ err: error }, `${file} cannot be read (${message}): ${fate}.`);
    }
    return undefined;
  }
}
