import { difference, type Look } from './thumbnail.js';

/** Why an image is not kept. */
export type Rejection = 'duplicate' | 'blurred';

export interface ChoiceLimits {
  /** Mean difference in brightness (0..255) from every kept image below which an image is a near-duplicate. */
  readonly difference: number;
  /** Share of the usual sharpness below which an image is blurred. */
  readonly sharpness: number;
}

/** The usual sharpness is the median of so many of the last images. */
const REMEMBERED = 51;
/** Images before anything is called blurred. */
const ENOUGH = 5;

/** Decides which images are worth keeping: sharp ones that differ from all that are kept. */
export class Chooser {
  readonly #kept: Uint8Array[];
  readonly #sharpness: number[] = [];

  /** @param kept thumbnails of the images that are there already */
  constructor(
    private readonly limits: ChoiceLimits,
    kept: readonly Uint8Array[],
  ) {
    this.#kept = [...kept];
  }

  /** Keeps the image, or says why not. */
  consider({ thumbnail, sharpness }: Look): Rejection | undefined {
    const usual = median(this.#sharpness);
    this.#sharpness.push(sharpness);
    if (this.#sharpness.length > REMEMBERED) this.#sharpness.shift();
    if (this.#sharpness.length > ENOUGH && sharpness < usual * this.limits.sharpness) return 'blurred';
    if (this.#kept.some((other) => difference(thumbnail, other) < this.limits.difference)) return 'duplicate';
    this.#kept.push(thumbnail);
    return undefined;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
