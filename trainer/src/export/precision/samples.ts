import { BeltsightError } from '@beltsight/sdk';
import { readKnown } from '../../data/dataset.js';
import type { ImageLoader } from '../../data/loader.js';
import type { Run } from '../../train/run.js';
import { syntheticDefect } from '../synthetic-defect.js';

/** An image whose class and state are known. */
interface Sample {
  readonly className: string;
  readonly defective: boolean;
  /** 8-bit RGB [S,S,3]. */
  load(): Promise<Uint8Array>;
}

export interface Samples {
  /** Where they come from, for people. */
  readonly source: string;
  readonly images: readonly Sample[];
}

/** Held-out good products, each once as it is and once with a drawn defect. */
export function heldOutSamples({ classes }: Run, loader: ImageLoader): Samples {
  const images = classes.flatMap(({ name: className, train, heldOut }) =>
    (heldOut.length > 0 ? heldOut : train).flatMap((file): Sample[] => [
      { className, defective: false, load: () => loader.load(file) },
      { className, defective: true, load: async () => syntheticDefect(await loader.load(file), loader.size) },
    ]),
  );
  return { source: 'held-out good products, as they are and with a drawn defect', images };
}

/**
 * The test images of a folder in MVTec layout, of classes that the model knows.
 * @throws BeltsightError DATASET_* if the folder holds none
 */
export async function testSamples(folder: string, { classes }: Run, loader: ImageLoader): Promise<Samples> {
  const known = classes.map(({ name }) => name);
  const found = (await readKnown([folder], known)).filter(({ name }) => known.includes(name));
  const images = found.flatMap(({ name: className, test }) =>
    test.map(
      ({ file, defect }): Sample => ({ className, defective: defect !== undefined, load: () => loader.load(file) }),
    ),
  );
  if (images.length > 0) return { source: `test images of ${folder}`, images };
  throw new BeltsightError(
    'DATASET_EMPTY',
    `${folder} has no test images of ${known.join(', ')}: expected <class>/test/{good,<defect>}/*.png.`,
  );
}
