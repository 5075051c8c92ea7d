import type { AugmentConfig } from '../data/augment.js';
import { negativesOf, type Sample } from '../data/sampler.js';
import type { ImageWorkers } from '../data/workers/pool.js';
import type { Batch } from './engine.js';

/** Key that separates augmentation from the other random streams of a seed. */
const AUGMENTATION = 3;

export interface BatchSource {
  readonly workers: ImageWorkers;
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
  const { workers, augmentation, seed } = source;
  const wanted = samples.map(({ label, index: image }, slot) => ({
    file: source.files[label]?.[image] as string,
    keys: [seed, AUGMENTATION, epoch, index, slot],
  }));
  const { images, augmented } = await workers.prepare(wanted, augmentation);
  const labels = samples.map(({ label }) => label);
  return {
    images,
    augmented,
    labels: Int32Array.from(labels),
    ...(source.negatives ? { negatives: negativesOf(labels, seed, epoch, index) } : {}),
  };
}
