/** Bins of a histogram: enough to find a 99.999th percentile of millions of elements to within half a percent of the range. */
const BINS = 2048;

/** How the magnitudes of a tensor's elements are distributed. The range doubles whenever an element lies beyond it. */
export class Magnitudes {
  readonly #counts = new Float64Array(BINS);
  #range = 0;
  #max = 0;
  #total = 0;

  add(elements: Float32Array): void {
    let largest = 0;
    for (const element of elements) {
      const size = Math.abs(element);
      if (size > largest) largest = size;
    }
    this.#cover(largest);
    const scale = this.#range === 0 ? 0 : BINS / this.#range;
    for (const element of elements) {
      const bin = Math.min(BINS - 1, Math.floor(Math.abs(element) * scale));
      this.#counts[bin] = (this.#counts[bin] as number) + 1;
    }
    this.#total += elements.length;
  }

  /** The largest magnitude. */
  get max(): number {
    return this.#max;
  }

  /** The magnitude that a share of the elements does not exceed, to the width of a bin; `share` in 0..1. */
  percentile(share: number): number {
    let below = 0;
    for (let bin = 0; bin < BINS; bin++) {
      below += this.#counts[bin] as number;
      if (below >= share * this.#total) return Math.min(this.#max, ((bin + 1) * this.#range) / BINS);
    }
    return this.#max;
  }

  #cover(largest: number): void {
    this.#max = Math.max(this.#max, largest);
    if (this.#range === 0) this.#range = largest;
    while (this.#range < largest) {
      for (let bin = 0; bin < BINS; bin++) {
        const [left, right] = [this.#counts[2 * bin] ?? 0, this.#counts[2 * bin + 1] ?? 0];
        this.#counts[bin] = left + right;
      }
      this.#range *= 2;
    }
  }
}
