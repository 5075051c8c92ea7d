import type { Importance, StoredRecord } from './record.js';

/** Bodies of waiting records in memory: those that are nowhere else, and some that the store has too. */
export class Memory {
  readonly #only = { picture: new Map<number, StoredRecord>(), result: new Map<number, StoredRecord>() };
  readonly #copies = new Map<number, StoredRecord>();
  #onlyBytes = 0;
  #copyBytes = 0;

  /** @param maxBytes that copies may fill up to a half, and both together to the whole */
  constructor(private readonly maxBytes: number) {}

  /** Bytes of bodies that are nowhere else. */
  get onlyBytes(): number {
    return this.#onlyBytes;
  }

  get full(): boolean {
    return this.#onlyBytes + this.#copyBytes > this.maxBytes;
  }

  get(key: number): StoredRecord | undefined {
    return this.#only.result.get(key) ?? this.#only.picture.get(key) ?? this.#copies.get(key);
  }

  /** Whether the record is in memory and not known to be in the store. */
  isOnlyHere(key: number): boolean {
    return this.#only.result.has(key) || this.#only.picture.has(key);
  }

  add(key: number, record: StoredRecord): void {
    this.#only[record.importance].set(key, record);
    this.#onlyBytes += record.body.length;
    if (this.full) this.#forgetCopies();
  }

  /** Keeps what was read from the store until it is sent. */
  addCopy(key: number, record: StoredRecord): void {
    if (this.get(key)) return;
    this.#copies.set(key, record);
    this.#copyBytes += record.body.length;
  }

  /** The store has it: it stays as a copy while there is room, as it is likely to be sent soon. */
  stored(key: number): void {
    const record = this.#takeOnly(key);
    if (record && this.#onlyBytes + this.#copyBytes + record.body.length <= this.maxBytes / 2)
      this.addCopy(key, record);
  }

  remove(key: number): void {
    if (this.#takeOnly(key)) return;
    const copy = this.#copies.get(key);
    if (!copy) return;
    this.#copies.delete(key);
    this.#copyBytes -= copy.body.length;
  }

  /** The oldest record that is nowhere else, pictures first. */
  firstOnlyHere(): number | undefined {
    for (const map of [this.#only.picture, this.#only.result]) for (const key of map.keys()) return key;
    return undefined;
  }

  /** Keys of an importance that are nowhere else, oldest first. */
  onlyHere(importance: Importance): IterableIterator<number> {
    return this.#only[importance].keys();
  }

  #takeOnly(key: number): StoredRecord | undefined {
    const importance = this.#only.result.has(key) ? 'result' : 'picture';
    const record = this.#only[importance].get(key);
    if (!record) return undefined;
    this.#only[importance].delete(key);
    this.#onlyBytes -= record.body.length;
    return record;
  }

  #forgetCopies(): void {
    this.#copies.clear();
    this.#copyBytes = 0;
  }
}
