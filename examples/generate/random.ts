/** Seeded random numbers (mulberry32): the same seed draws the same products on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  range(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** Integer seed for something that wants random numbers of its own. */
  seed(): number {
    return Math.floor(this.next() * 2 ** 32);
  }

  angle(): number {
    return this.range(0, 2 * Math.PI);
  }
}

/** Seed of a named thing (FNV-1a), so that adding a product leaves the others as they were. */
export function seedOf(seed: number, ...names: (string | number)[]): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const char of names.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
