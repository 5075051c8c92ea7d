import { type AugmentConfig, augment } from '../data/augment.js';
import type { ImageLoader } from '../data/loader.js';
import { randomOf } from '../data/random.js';
import { negativesOf, type Sample } from '../data/sampler.js';
import type { Batch } from './engine.js';

/** Key that separates augmentation from the other random streams of a seed. */
const AUGMENTATION = 3;

export interface BatchSource {
  readonly loader: ImageLoader;
  /** Training images of each class. */
  readonly files: readonly (readonly string[])[];
  /** How the second view is made; undefined where the loss needs none. */
  readonly augmentation: AugmentConfig | undefined;
  readonly negatives: boolean;
  readonly seed: number;
}

/** The batch of `samples`, number `index` of `epoch`; depends on seed, epoch and index alone. */
export async function prepareBatch(
  source: BatchSource,
  samples: readonly Sample[],
  epoch: number,
  index: number,
): Promise<Batch> {
  const { loader, augmentation, seed } = source;
  const { size } = loader;
  const bytes = size * size * 3;
  const images = new Uint8Array(samples.length * bytes);
  const augmented = augmentation && new Uint8Array(samples.length * bytes);
  await Promise.all(
    samples.map(async (sample, slot) => {
      const pixels = await loader.load(source.files[sample.label]?.[sample.index] as string);
      images.set(pixels, slot * bytes);
      if (!augmentation) return;
      const random = randomOf(seed, AUGMENTATION, epoch, index, slot);
      augmented?.set(augment(pixels, size, augmentation, random), slot * bytes);
    }),
  );
  const labels = samples.map(({ label }) => label);
  return {
    images,
    augmented,
    labels: Int32Array.from(labels),
    ...(source.negatives ? { negatives: negativesOf(labels, seed, epoch, index) } : {}),
  };
}
