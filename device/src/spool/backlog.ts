import type { Logger } from 'pino';
import { AnchoredClock } from './clock.js';
import { Disk } from './disk.js';
import { Ledger } from './ledger.js';
import { Memory } from './memory.js';
import type { Importance, StoredRecord } from './record.js';
import type { Found } from './store.js';
import { believedTimes } from './times.js';

/** Read ahead at a time. */
const READ_AHEAD = { count: 256, bytes: 2 ** 20 };
/** Reads that the disk is asked for at once. */
const AT_ONCE = 16;
/** Key of the first record of a process; what a store has from earlier lies below. */
const ORIGIN = 2 ** 40;
const EXPIRY_CHECK_MS = 1000;
const DAY_MS = 86_400_000;

export interface BacklogLimits {
  /** Bytes of waiting records, on disk and in memory, each with `OVERHEAD_BYTES`. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Bytes of bodies in memory. */
  readonly memoryBytes: number;
}

export interface BacklogOptions {
  /** Folder of the store; made where it is missing. */
  readonly folder: string;
  readonly limits: BacklogLimits;
  /** Milliseconds within which a record is safe from a power cut; `always`: as soon as the disk has it. */
  readonly sync: 'always' | number;
  readonly logger: Logger;
  /** Milliseconds since 1970 that never step; default: the clock of the day, and when that is set, no age changes. */
  readonly now?: () => number;
  /** The disk is looked at again after so long when it refused; default 10 s. */
  readonly retryMs?: number;
}

/** Why a record was given up before it was taken. */
export type Loss = Importance | 'expired' | 'damaged';

/** What waits, for status and metrics. */
export interface BacklogFigures {
  readonly messages: number;
  /** With overhead. */
  readonly bytes: number;
  /** When the oldest was pushed, in milliseconds since 1970. */
  readonly oldestAt: number | undefined;
  /** Records given up since the start: pictures and results for want of room, too old, or not readable any more. */
  readonly dropped: Readonly<Record<Loss, number>>;
  /** Why nothing can be written to disk; what waits is in memory. */
  readonly fault: string | undefined;
}

/**
 * Records that wait, first in, first out, in a store on disk: bounded in bytes, age and memory. Pushing never waits for the
 * disk; results are written at once in the background, pictures only when memory fills.
 */
export class Backlog {
  #ledger: Ledger;
  readonly #memory: Memory;
  readonly #disk: Disk;
  readonly #clock: Pick<AnchoredClock, 'now' | 'correct'>;
  readonly #expiry: NodeJS.Timeout;
  readonly #dropped: Record<Loss, number> = { picture: 0, result: 0, expired: 0, damaged: 0 };
  #reading: Promise<void> | undefined;

  /** @throws BeltsightError SPOOL_IN_USE if another process has the folder; a disk that refuses is logged and done without */
  static async open(options: BacklogOptions): Promise<Backlog> {
    const backlog = new Backlog(options);
    try {
      await backlog.#disk.open();
    } catch (error) {
      await backlog.close();
      throw error;
    }
    backlog.#enforce();
    backlog.#expire();
    return backlog;
  }

  private constructor(private readonly options: BacklogOptions) {
    this.#clock = options.now ? { now: options.now, correct: () => 0 } : new AnchoredClock();
    this.#ledger = new Ledger(ORIGIN);
    this.#memory = new Memory(options.limits.memoryBytes);
    this.#disk = new Disk({
      folder: options.folder,
      sync: options.sync,
      logger: options.logger,
      retryMs: options.retryMs ?? 10_000,
      origin: ORIGIN,
      recordOf: (key) => this.#timed(key),
      written: (keys) => {
        for (const key of keys) this.#memory.stored(key);
      },
      waits: (from, to) => (this.#ledger.next(from) ?? Number.POSITIVE_INFINITY) <= to,
      opened: (found, again) => (again ? this.#meet(found) : this.#adopt(found)),
    });
    this.#expiry = setInterval(() => this.#expire(), EXPIRY_CHECK_MS).unref();
  }

  get figures(): BacklogFigures {
    const first = this.#ledger.next(0);
    return {
      messages: this.#ledger.count,
      bytes: this.#ledger.bytes,
      oldestAt: first === undefined ? undefined : this.#ledger.timeOf(first),
      dropped: { ...this.#dropped },
      fault: this.#disk.fault,
    };
  }

  get count(): number {
    return this.#ledger.count;
  }

  /** Bytes that wait, with overhead. */
  get bytes(): number {
    return this.#ledger.bytes;
  }

  /** Milliseconds since a waiting record was pushed. */
  ageOf(key: number): number {
    return this.#clock.now() - this.#ledger.timeOf(key);
  }

  /** Adds a record, and gives up others where there is no room. @returns its key */
  push(body: Uint8Array, importance: Importance): number {
    const at = this.#now();
    const key = this.#ledger.push(body.length, at, importance);
    this.#memory.add(key, { importance, at, body });
    const spill = this.#memory.onlyBytes > this.options.limits.memoryBytes / 4;
    if (importance === 'result' || spill) this.#disk.put(key);
    this.#enforce();
    return key;
  }

  /** The first waiting key from `from` on. */
  next(from: number): number | undefined {
    return this.#ledger.next(from);
  }

  /** A waiting record, if it is in memory; `load` brings it there. */
  get(key: number): StoredRecord | undefined {
    return this.#ledger.has(key) ? this.#memory.get(key) : undefined;
  }

  /** A waiting record, read from disk at once where it is not in memory; undefined where it is damaged, and gone. */
  read(key: number): StoredRecord | undefined {
    if (!this.#ledger.has(key)) return undefined;
    const record = this.#memory.get(key) ?? this.#disk.read(key);
    if (!record && this.#disk.readable) this.#lose(key, 'damaged');
    return record;
  }

  /** Reads records from `from` on into memory. Those that cannot be read are given up. */
  async load(from: number): Promise<void> {
    this.#reading ??= this.#readAhead(from).finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** Takes a record out: it is where it should be. */
  remove(key: number): void {
    if (this.#ledger.has(key)) this.#take(key);
  }

  /** Takes a record out that came too late, and counts it. */
  expire(key: number): void {
    if (this.#ledger.has(key)) this.#lose(key, 'expired');
  }

  /** Resolves when all results that wait are in the store, or the disk refuses. */
  async settled(): Promise<void> {
    await this.#disk.idle();
  }

  /** Writes what is in memory and closes the store. */
  async close(): Promise<void> {
    clearInterval(this.#expiry);
    for (const key of this.#memory.onlyHere('picture')) this.#disk.put(key);
    await this.#reading;
    await this.#disk.close();
  }

  async #readAhead(from: number): Promise<void> {
    const keys: number[] = [];
    let bytes = 0;
    for (let key = this.#ledger.next(from); key !== undefined; key = this.#ledger.next(key + 1)) {
      if (keys.length >= READ_AHEAD.count || bytes >= READ_AHEAD.bytes) break;
      keys.push(key);
      bytes += this.#ledger.sizeOf(key);
    }
    for (let i = 0; i < keys.length; i += AT_ONCE)
      await Promise.all(keys.slice(i, i + AT_ONCE).map((key) => this.#fetch(key)));
  }

  async #fetch(key: number): Promise<void> {
    if (this.#memory.get(key)) return;
    const record = await this.#disk.load(key);
    if (!this.#ledger.has(key)) return;
    if (record) this.#memory.addCopy(key, record);
    else if (this.#disk.readable) this.#lose(key, 'damaged');
  }

  /** The time. Where the clock of the day was set, what waits keeps its age, and has the new time too. */
  #now(): number {
    const by = this.#clock.correct();
    if (by !== 0) this.#ledger.shiftTimes(by);
    return this.#clock.now();
  }

  /** A record as it is to be written: the clock may have been set since it was pushed. */
  #timed(key: number): StoredRecord | undefined {
    const record = this.get(key);
    return record && { ...record, at: this.#ledger.timeOf(key) };
  }

  /** Takes over what the store has from earlier, before all that was pushed since the start. */
  #adopt({ ledger: stored, damaged }: Found): void {
    const { limits, folder, logger } = this.options;
    const { times, leapMs } = believedTimes([...stored.times()], this.#now(), limits.maxAgeMs);
    if (leapMs > 0) {
      const days = Number((leapMs / DAY_MS).toPrecision(2));
      logger.warn(
        `The times in the spool in ${folder} leap by ${days} days: a clock was wrong, or the device off for so long. What waits is sent, though it may be late.`,
      );
    }
    const own = this.#ledger;
    this.#ledger = new Ledger(0);
    let index = 0;
    this.#ledger.append(stored, 0, () => times[index++] as number);
    this.#ledger.append(own, 0);
    this.#dropped.damaged += damaged;
    this.#putResults();
  }

  /** Brings a store that was opened anew to what waits: it missed what was taken out, and may have lost some. */
  #meet({ ledger: stored }: Found): void {
    for (let key = stored.next(0); key !== undefined; key = stored.next(key + 1)) {
      if (!this.#ledger.has(key)) this.#disk.remove(key, true);
    }
    for (let key = this.#ledger.next(0); key !== undefined; key = this.#ledger.next(key + 1)) {
      if (!stored.has(key) && !this.#memory.isOnlyHere(key)) this.#lose(key, 'damaged');
    }
    this.#putResults();
  }

  #putResults(): void {
    for (const key of this.#memory.onlyHere('result')) this.#disk.put(key);
  }

  #enforce(): void {
    const { maxBytes } = this.options.limits;
    while (this.#ledger.bytes > maxBytes) {
      const key = this.#ledger.nextPicture() ?? this.#ledger.next(0);
      if (key === undefined) break;
      this.#lose(key, this.#ledger.importanceOf(key));
    }
    while (this.#memory.full) {
      const key = this.#memory.firstOnlyHere();
      if (key === undefined) break;
      this.#lose(key, this.#ledger.importanceOf(key));
    }
  }

  #expire(): void {
    const earliest = this.#now() - this.options.limits.maxAgeMs;
    for (let key = this.#ledger.next(0); key !== undefined; key = this.#ledger.next(key + 1)) {
      if (this.#ledger.timeOf(key) >= earliest) break;
      this.#lose(key, 'expired');
    }
  }

  #lose(key: number, why: Loss): void {
    this.#dropped[why]++;
    this.#take(key);
  }

  #take(key: number): void {
    const inStore = !this.#memory.isOnlyHere(key);
    this.#memory.remove(key);
    this.#ledger.remove(key);
    this.#disk.remove(key, inStore);
  }
}
