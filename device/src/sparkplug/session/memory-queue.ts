import type { Queue } from '../ports.js';

/** A queue in memory, bounded in number and bytes; when full, the oldest go. It ends with the process. */
export class MemoryQueue implements Queue {
  readonly #records = new Map<number, Uint8Array>();
  #next = 0;
  #bytes = 0;

  constructor(private readonly limits: { readonly maxRecords: number; readonly maxBytes: number }) {}

  get size(): number {
    return this.#records.size;
  }

  push(record: Uint8Array): void {
    this.#records.set(this.#next++, record);
    this.#bytes += record.length;
    while (this.#records.size > this.limits.maxRecords || this.#bytes > this.limits.maxBytes) {
      const [oldest] = this.#records.keys();
      this.#delete(oldest as number);
    }
  }

  peek(count: number): readonly { key: number; record: Uint8Array }[] {
    const found: { key: number; record: Uint8Array }[] = [];
    for (const [key, record] of this.#records) {
      if (found.length >= count) break;
      found.push({ key, record });
    }
    return found;
  }

  removeThrough(key: number): void {
    for (const oldest of this.#records.keys()) {
      if (oldest > key) break;
      this.#delete(oldest);
    }
  }

  async close(): Promise<void> {
    this.#records.clear();
    this.#bytes = 0;
  }

  #delete(key: number): void {
    this.#bytes -= this.#records.get(key)?.length ?? 0;
    this.#records.delete(key);
  }
}
