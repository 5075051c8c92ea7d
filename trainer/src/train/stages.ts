import { randomOf, shuffled } from '../data/random.js';
import { classAwareBatches, type Sample, shuffledBatches } from '../data/sampler.js';
import type { TrainConfig } from './config.js';

/** Key that separates the choice of the memory from the other random streams of a seed. */
const MEMORY = 5;

type Plan = Pick<
  TrainConfig,
  'strategy' | 'epochs' | 'batch' | 'sampler' | 'classesPerBatch' | 'replay' | 'seed' | 'patience'
>;

/** Whether classes come one after the other: then a run has a stage for each. */
export function isStaged({ strategy }: Plan): boolean {
  return strategy !== 'joint';
}

/** Epochs of a whole run over `labels` classes: `epochs` for each stage. */
export function totalEpochs(config: Plan, labels: number): number {
  return config.epochs * (isStaged(config) ? labels : 1);
}

/**
 * The batches of an epoch under the strategy of the run (figure 1 of the CCL paper); they depend on configuration and epoch alone.
 * Joint: of all classes. Sequential: of the class whose stage it is. Continual: the same, with images from the memory of the
 * earlier classes in every batch.
 * @param counts images per class
 */
export function planEpoch(counts: readonly number[], config: Plan, epoch: number): Sample[][] {
  const { batch, sampler, classesPerBatch, seed } = config;
  if (isStaged(config)) return stageBatches(counts, config, Math.floor(epoch / config.epochs), epoch);
  return sampler === 'shuffle'
    ? shuffledBatches(counts, batch, seed, epoch)
    : classAwareBatches(counts, batch, classesPerBatch, seed, epoch);
}

function stageBatches(counts: readonly number[], config: Plan, stage: number, epoch: number): Sample[][] {
  const { batch, seed, strategy, replay } = config;
  const remembered = strategy === 'continual' ? memoryOf(counts, stage, replay.images, seed) : [];
  const replayed = remembered.length === 0 ? 0 : Math.min(batch - 1, Math.round(batch * replay.share));
  const own = shuffledBatches([counts[stage] as number], batch - replayed, seed, epoch).map((samples) =>
    samples.map(({ index }) => ({ label: stage, index })),
  );
  const order = shuffled(remembered, randomOf(seed, MEMORY, stage, epoch));
  return own.map((samples, i) => [
    ...samples,
    ...Array.from({ length: replayed }, (_, slot) => order[(i * replayed + slot) % order.length] as Sample),
  ]);
}

/** Images of the classes before `stage` that are kept: up to `images` of each, the same throughout a run. */
function memoryOf(counts: readonly number[], stage: number, images: number, seed: number): Sample[] {
  return counts.slice(0, stage).flatMap((count, label) => {
    const all = Array.from({ length: count }, (_, index) => ({ label, index }));
    return shuffled(all, randomOf(seed, MEMORY, label)).slice(0, images);
  });
}
