import type { Mask } from './mask.js';

/** A test image. `defect` is undefined for a good product; a defect may come without a mask. */
export interface TestImage {
  /** A file, or a part of one: see `reference.ts`. */
  readonly file: string;
  readonly defect?: string;
  readonly mask?: Mask;
}

/** What a class has to train on and to measure with. */
export interface ClassImages {
  /** Of good products. */
  readonly train: readonly string[];
  readonly test: readonly TestImage[];
  /** Which product an image of `train` shows, where several show one; by default each shows another. */
  readonly productOf?: (image: string) => string;
}

/** One product class. */
export interface ProductClass extends ClassImages {
  /** "<class>", or "<data set>/<class>" where several data sets have a class of this name. */
  readonly name: string;
  readonly folder: string;
}
