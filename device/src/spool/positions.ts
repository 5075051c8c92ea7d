const CHUNK = 1024;

/** A sparse array of numbers over ascending keys, at eight bytes each: where records lie. */
export class Positions {
  readonly #chunks = new Map<number, { values: Float64Array; count: number }>();

  set(key: number, value: number): void {
    const index = Math.floor(key / CHUNK);
    let chunk = this.#chunks.get(index);
    if (!chunk) {
      chunk = { values: new Float64Array(CHUNK).fill(-1), count: 0 };
      this.#chunks.set(index, chunk);
    }
    if (chunk.values[key % CHUNK] === -1) chunk.count++;
    chunk.values[key % CHUNK] = value;
  }

  get(key: number): number | undefined {
    const value = this.#chunks.get(Math.floor(key / CHUNK))?.values[key % CHUNK];
    return value === -1 ? undefined : value;
  }

  /** @returns what was there */
  delete(key: number): number | undefined {
    const index = Math.floor(key / CHUNK);
    const chunk = this.#chunks.get(index);
    const value = chunk?.values[key % CHUNK];
    if (!chunk || value === undefined || value === -1) return undefined;
    chunk.values[key % CHUNK] = -1;
    if (--chunk.count === 0) this.#chunks.delete(index);
    return value;
  }

  /** Keys in ascending order. */
  keys(): number[] {
    const keys: number[] = [];
    for (const [index, { values }] of [...this.#chunks].sort(([a], [b]) => a - b)) {
      for (const [i, value] of values.entries()) if (value !== -1) keys.push(index * CHUNK + i);
    }
    return keys;
  }
}
