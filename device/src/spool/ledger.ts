import type { Importance } from './record.js';

/** What a record takes besides its body: key, header, the store's own bookkeeping. */
export const OVERHEAD_BYTES = 64;

const FIRST_CAPACITY = 1024;

/**
 * What is known of every waiting record without its body, in 13 bytes each: a ring over consecutive keys, where the removed
 * ones are holes.
 */
export class Ledger {
  #sizes = new Uint32Array(FIRST_CAPACITY);
  #times = new Float64Array(FIRST_CAPACITY);
  #pictures = new Uint8Array(FIRST_CAPACITY);
  #head: number;
  #tail: number;
  /** No picture waits below this key. */
  #picture: number;
  #count = 0;
  #bytes = 0;

  /** @param first key of the first record */
  constructor(first: number) {
    this.#head = first;
    this.#tail = first;
    this.#picture = first;
  }

  /** Records that wait. */
  get count(): number {
    return this.#count;
  }

  /** Bytes they take, with overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Key of the next record that is pushed. */
  get tail(): number {
    return this.#tail;
  }

  /** Enters a record. @returns its key */
  push(bodyBytes: number, at: number, importance: Importance): number {
    if (this.#tail - this.#head === this.#sizes.length) this.#grow();
    const slot = this.#slot(this.#tail);
    const size = bodyBytes + OVERHEAD_BYTES;
    this.#sizes[slot] = size;
    this.#times[slot] = at;
    this.#pictures[slot] = importance === 'picture' ? 1 : 0;
    this.#count++;
    this.#bytes += size;
    return this.#tail++;
  }

  /** Leaves a hole up to `key`, which is pushed next: what a store has lost. */
  skipTo(key: number): void {
    if (this.#count === 0) {
      this.#head = this.#picture = this.#tail = Math.max(key, this.#tail);
      return;
    }
    while (this.#tail < key) {
      if (this.#tail - this.#head === this.#sizes.length) this.#grow();
      this.#sizes[this.#slot(this.#tail++)] = 0;
    }
  }

  /**
   * Enters all records of another ledger behind its own, under keys that are higher by `shift`.
   * @param timeOf when they were pushed, from what the other ledger says
   */
  append(other: Ledger, shift: number, timeOf = (at: number) => at): void {
    for (let key = other.next(0); key !== undefined; key = other.next(key + 1)) {
      this.skipTo(key + shift);
      this.push(other.sizeOf(key) - OVERHEAD_BYTES, timeOf(other.timeOf(key)), other.importanceOf(key));
    }
    this.skipTo(other.tail + shift);
  }

  has(key: number): boolean {
    return key >= this.#head && key < this.#tail && this.#sizes[this.#slot(key)] !== 0;
  }

  /** The first waiting key from `from` on. */
  next(from: number): number | undefined {
    for (let key = Math.max(from, this.#head); key < this.#tail; key++) if (this.has(key)) return key;
    return undefined;
  }

  /** The oldest waiting picture. */
  nextPicture(): number | undefined {
    for (this.#picture = Math.max(this.#picture, this.#head); this.#picture < this.#tail; this.#picture++) {
      if (this.has(this.#picture) && this.importanceOf(this.#picture) === 'picture') return this.#picture;
    }
    return undefined;
  }

  /** Of a waiting record: bytes it takes, with overhead. */
  sizeOf(key: number): number {
    return this.#sizes[this.#slot(key)] as number;
  }

  /** Of a waiting record: when it was pushed. */
  timeOf(key: number): number {
    return this.#times[this.#slot(key)] as number;
  }

  /** When the waiting records were pushed, oldest first. */
  *times(): Generator<number> {
    for (let key = this.next(0); key !== undefined; key = this.next(key + 1)) yield this.timeOf(key);
  }

  /** Says of all waiting records that they were pushed later by so much: the clock was set. */
  shiftTimes(byMs: number): void {
    for (let slot = 0; slot < this.#times.length; slot++) this.#times[slot] = (this.#times[slot] as number) + byMs;
  }

  importanceOf(key: number): Importance {
    return this.#pictures[this.#slot(key)] === 1 ? 'picture' : 'result';
  }

  /** Takes a record out. @returns whether it waited */
  remove(key: number): boolean {
    if (!this.has(key)) return false;
    const slot = this.#slot(key);
    this.#bytes -= this.#sizes[slot] as number;
    this.#sizes[slot] = 0;
    this.#count--;
    if (key === this.#head) {
      while (this.#head < this.#tail && this.#sizes[this.#slot(this.#head)] === 0) this.#head++;
    }
    if (this.#count === 0 && this.#sizes.length > FIRST_CAPACITY) this.#allocate(FIRST_CAPACITY);
    return true;
  }

  #slot(key: number): number {
    return key % this.#sizes.length;
  }

  #grow(): void {
    this.#allocate(this.#sizes.length * 2);
  }

  #allocate(capacity: number): void {
    const [sizes, times, pictures] = [this.#sizes, this.#times, this.#pictures];
    this.#sizes = new Uint32Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#pictures = new Uint8Array(capacity);
    for (let key = this.#head; key < this.#tail; key++) {
      const [from, to] = [key % sizes.length, key % capacity];
      this.#sizes[to] = sizes[from] as number;
      this.#times[to] = times[from] as number;
      this.#pictures[to] = pictures[from] as number;
    }
  }
}
