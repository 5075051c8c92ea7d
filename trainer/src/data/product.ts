import type { Mask } from './mask.js';

/** A test image. `defect` is undefined for a good product; a defect may come without a mask. */
export interface TestImage {
  /** A file, or a part of one: see `reference.ts`. */
  readonly file: string;
  readonly defect?: string;
  readonly mask?: Mask;
}

/** One product class: good images to train on, and images to measure with. */
export interface ProductClass {
  /** "<class>", or "<data set>/<class>" where several data sets have a class of this name. */
  readonly name: string;
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: readonly TestImage[];
  /** Which product an image of `train` shows, where several show one; by default each shows another. */
  readonly productOf?: (image: string) => string;
}
