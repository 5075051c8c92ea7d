import { BeltsightError } from '@beltsight/sdk';
import { readDataset } from '../../data/dataset.js';
import type { ImageLoader } from '../../data/loader.js';
import type { ModelRunner } from '../../export/scoring.js';
import type { SeenClass } from './seen.js';

/** A product that a model was never trained on, with all of its good images. */
export interface ForeignProduct {
  readonly name: string;
  readonly files: readonly string[];
}

/**
 * Finds products that are to be unknown, in data folders or single class folders. Since nothing of them was used for training, their good
 * images for training count as well as those for tests.
 * @param taken names that mean something else: classes of the bundle and of the data
 * @throws BeltsightError ARGUMENT_INVALID, DATASET_*
 */
export async function foreignProducts(folders: readonly string[], taken: ReadonlySet<string>) {
  if (folders.length === 0) return [];
  const found = await readDataset(folders);
  const known = found.filter(({ name }) => taken.has(name));
  if (known.length > 0) {
    const paths = known.map(({ folder }) => folder).join(', ');
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `--unknown is for products that the model was not trained on, but the model or --data has classes of the names of ${paths}: name folders of other classes, or rename these.`,
    );
  }
  return found.map(({ name, folder, train, test }): ForeignProduct => {
    const files = [...train, ...test.filter(({ defect }) => defect === undefined).map(({ file }) => file)];
    if (files.length > 0) return { name, files };
    throw new BeltsightError(
      'DATASET_EMPTY',
      `The unknown product in ${folder} has no good images: expected train/good/*.png or test/good/*.png.`,
    );
  });
}

/** Scores foreign products. */
export async function seeForeign(
  products: readonly ForeignProduct[],
  runner: ModelRunner,
  loader: ImageLoader,
  tick: () => void,
): Promise<SeenClass[]> {
  const seen: SeenClass[] = [];
  for (const { name, files } of products) {
    const images: SeenClass['images'][number][] = [];
    for (const file of files) {
      const { score, embedding } = await runner.score(await loader.load(file));
      images.push({ score, embedding });
      tick();
    }
    seen.push({ name, images });
  }
  return seen;
}
