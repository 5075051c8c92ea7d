import type { Logger } from 'pino';
import { Backlog } from './backlog.js';

interface QueuedRecord {
  readonly key: number;
  readonly record: Uint8Array;
}

/** A bounded queue on disk. Nothing waits for the disk but reading what is not in memory any more. */
export interface Queue {
  /** Adds a record; the oldest go where there is no room. */
  push(record: Uint8Array): void;
  /** The oldest records, at most `count`, which stay. Keys ascend; they hold while the process runs. */
  peek(count: number): readonly QueuedRecord[];
  /** Takes out all records with keys up to this one. */
  removeThrough(key: number): void;
  readonly size: number;
  /** Flushes what is in memory to disk and lets go of the folder. */
  close(): Promise<void>;
}

export interface QueueOptions {
  /** Folder of its own; made where it is missing. */
  readonly folder: string;
  readonly maxBytes: number;
  /** Records that waited longer are given up; default 7 days. */
  readonly maxAgeMs?: number;
  readonly logger: Logger;
}

const WEEK_MS = 7 * 24 * 3600 * 1000;
const MEMORY_BYTES = 8 * 2 ** 20;
const SYNC_MS = 1000;

/**
 * Opens the queue of a folder, with what was in it when the process before ended or was killed; a power cut may take the last
 * second.
 * @throws BeltsightError SPOOL_IN_USE if another process has the folder; a disk that refuses is logged, and memory used instead
 */
export async function openQueue({ folder, maxBytes, maxAgeMs = WEEK_MS, logger }: QueueOptions): Promise<Queue> {
  const memoryBytes = Math.min(MEMORY_BYTES, maxBytes);
  const backlog = await Backlog.open({ folder, limits: { maxBytes, maxAgeMs, memoryBytes }, sync: SYNC_MS, logger });
  return {
    push: (record) => void backlog.push(record, 'result'),
    peek(count) {
      const records: QueuedRecord[] = [];
      for (let key = backlog.next(0); key !== undefined && records.length < count; key = backlog.next(key + 1)) {
        const body = backlog.read(key)?.body;
        if (body) records.push({ key, record: body });
      }
      return records;
    },
    removeThrough(key) {
      for (let first = backlog.next(0); first !== undefined && first <= key; first = backlog.next(first)) {
        backlog.remove(first);
      }
    },
    get size() {
      return backlog.count;
    },
    close: () => backlog.close(),
  };
}
