import type { ClassImages } from '../product.js';

export type { ClassImages } from '../product.js';

/** A class that was found in a data set; its images are looked up when it is read. */
interface FoundClass {
  readonly name: string;
  readonly folder: string;
  /** @throws BeltsightError DATASET_INVALID naming the file that is wrong */
  read(): Promise<ClassImages>;
}

/** A data set that was found in a folder. */
export interface FoundDataset {
  /** What tells its classes from those of the same name in other data sets. */
  readonly name: string;
  readonly classes: readonly FoundClass[];
  /** Set if the classes contradict each other (what is normal in one is a defect in another), so that one at a time is read. */
  readonly alternatives?: true;
}

/** A way in which data sets lie in folders. */
export interface Layout {
  readonly name: string;
  /**
   * Looks at a folder.
   * @returns undefined if the folder is of another layout
   * @throws BeltsightError DATASET_INVALID if it is of this one, but cannot be used; IMAGE_* naming an image by which that would be seen
   */
  recognise(folder: string): Promise<FoundDataset | undefined>;
}
