import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Segment } from './segment.js';

/** A segment is closed when it is as large; it is deleted as a whole. */
const SEGMENT_BYTES = 2 ** 21;

/** Segments of one kind of record, oldest first. Only the last is written. */
export class Lane {
  readonly #segments: Segment[] = [];
  #writable: Segment | undefined;
  /** Written since the last flush. */
  readonly #unsynced = new Set<Segment>();

  /** @param create makes the next segment */
  constructor(private readonly create: () => Promise<Segment>) {}

  /** Adds a segment of an earlier process. */
  add(segment: Segment): void {
    this.#segments.push(segment);
  }

  /** The segment to append to. */
  async writable(): Promise<Segment> {
    if (!this.#writable || this.#writable.size >= SEGMENT_BYTES) {
      this.#writable = await this.create();
      this.#segments.push(this.#writable);
    }
    this.#unsynced.add(this.#writable);
    return this.#writable;
  }

  /** Flushes what was written, names of new files included. */
  async sync(): Promise<void> {
    for (const segment of this.#unsynced) {
      await segment.sync();
      await syncFolder(dirname(segment.file));
      this.#unsynced.delete(segment);
    }
  }

  /**
   * Deletes what holds nothing that waits. Only from the oldest on: what says that a record was taken out lies behind the record,
   * and must outlive it.
   */
  async trim(): Promise<readonly Segment[]> {
    const gone: Segment[] = [];
    while (this.#segments[0]?.live === 0 && this.#segments[0] !== this.#writable) {
      const segment = this.#segments.shift() as Segment;
      this.#unsynced.delete(segment);
      await segment.delete();
      gone.push(segment);
    }
    return gone;
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
