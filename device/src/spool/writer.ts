import type { StoredRecord } from './record.js';
import type { Change, Store } from './store.js';

/** Changes and bytes that go into one write, at most. */
const BATCH = { changes: 512, bytes: 2 ** 20 };
/** How long a removal waits for a write that goes anyway. */
const LINGER_MS = 50;

export interface WriterOptions {
  readonly store: Store;
  /** Flush after every write. */
  readonly always: boolean;
  /** The record that is to be written; undefined where it has gone meanwhile. */
  readonly recordOf: (key: number) => StoredRecord | undefined;
  /** These lie in the store now, and outlive the process. */
  readonly written: (keys: readonly number[]) => void;
  /** A write failed; nothing is written any more. */
  readonly failed: (error: unknown) => void;
}

/**
 * Writes in the background, one batch at a time: what comes while the disk is busy goes together into the next batch. What is
 * removed before its turn is never written.
 */
export class Writer {
  readonly #waiting = new Map<number, 'put' | 'remove'>();
  #running: Promise<void> | undefined;
  #inWork: ReadonlySet<number> = new Set();
  #linger: NodeJS.Timeout | undefined;
  #syncWanted = false;
  #stopped = false;
  /** Lowest and highest key written since the last flush. */
  #unsynced: { from: number; to: number } | undefined;

  constructor(private readonly options: WriterOptions) {}

  /** Keys written since the last flush: a power cut may take them. */
  get unsynced(): { readonly from: number; readonly to: number } | undefined {
    return this.#unsynced;
  }

  put(key: number): void {
    if (this.#stopped) return;
    this.#waiting.set(key, 'put');
    this.#run();
  }

  /** @param inStore whether it was reported as written */
  remove(key: number, inStore: boolean): void {
    if (this.#stopped) return;
    if (inStore || this.#inWork.has(key)) this.#waiting.set(key, 'remove');
    else this.#waiting.delete(key);
    // The next write takes it along: a kill before costs nothing but that a message is sent twice.
    this.#linger ??= setTimeout(() => this.#run(), LINGER_MS).unref();
  }

  /** Asks for a flush of all that is written. */
  sync(): void {
    this.#syncWanted = true;
    this.#run();
  }

  /** Resolves when nothing is left to write, or writing failed. */
  async idle(): Promise<void> {
    this.#run();
    while (this.#running) await this.#running;
  }

  /** Ends writing: what waits is left out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    await this.idle();
  }

  get #due(): boolean {
    return !this.#stopped && (this.#waiting.size > 0 || this.#syncWanted);
  }

  #run(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    if (this.#running || !this.#due) return;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
      this.#run();
    });
  }

  async #work(): Promise<void> {
    try {
      // What is pushed in one go is written in one go.
      await Promise.resolve();
      while (this.#due) await this.#step();
    } catch (error) {
      this.#stopped = true;
      this.#waiting.clear();
      this.options.failed(error);
    }
  }

  async #step(): Promise<void> {
    const { store, always, written } = this.options;
    const changes = this.#take();
    const put = changes.flatMap(([key, record]) => (record ? [key] : []));
    const sync = this.#syncWanted || (always && put.length > 0);
    if (changes.length === 0 && !sync) return;
    this.#syncWanted = false;
    // From here on only what comes later needs another flush.
    if (sync) this.#unsynced = undefined;
    this.#inWork = new Set(put);
    await store.write(changes, sync);
    this.#inWork = new Set();
    if (!sync && put.length > 0) {
      const { from, to } = this.#unsynced ?? { from: Number.POSITIVE_INFINITY, to: 0 };
      this.#unsynced = { from: Math.min(from, ...put), to: Math.max(to, ...put) };
    }
    written(put);
  }

  #take(): Change[] {
    const changes: Change[] = [];
    let bytes = 0;
    for (const [key, what] of this.#waiting) {
      if (changes.length >= BATCH.changes || bytes >= BATCH.bytes) break;
      this.#waiting.delete(key);
      const record = what === 'put' ? this.options.recordOf(key) : undefined;
      if (what === 'put' && !record) continue;
      bytes += record?.body.length ?? 0;
      changes.push([key, record]);
    }
    return changes;
  }
}
