import { kmeans } from '../cluster/kmeans.js';
import { ImageLoader } from '../data/loader.js';
import { constantTensors } from '../graph/constants.js';
import { record } from '../graph/record.js';
import { GraphSession, type ResultTensor } from '../graph/session.js';
import { tf } from '../graph/tfjs.js';
import { globalAveragePool } from '../model/layers/convolution.js';
import type { Teacher } from '../model/teacher/load.js';
import { tapFeatures } from '../model/teacher/run.js';
import type { TrainConfig } from './config.js';
import type { RunClass } from './run.js';

type Images = Pick<RunClass, 'name' | 'train'>;

/**
 * Gives every training image a pseudo-class where the configuration wants them, for data whose classes are not known (CCL, table 3): k-means over
 * the teacher's coarsest tap, averaged over positions.
 * @throws BeltsightError ARGUMENT_INVALID if there are fewer images than clusters; IMAGE_*
 */
export async function withPseudoClasses<T extends Images>(
  classes: readonly T[],
  { pseudoClasses: k, seed, size, threads }: Pick<TrainConfig, 'pseudoClasses' | 'seed' | 'size' | 'threads'>,
  teacher: Teacher,
  log: (line: string) => void,
): Promise<(T & { pseudo?: number[] })[]> {
  if (k === undefined) return [...classes];
  const files = classes.flatMap(({ train }) => train);
  const { assignments } = kmeans(await teacherFeatures(files, teacher, size, threads), k, seed);
  let start = 0;
  const labelled = classes.map((each) => {
    const pseudo = [...assignments.subarray(start, start + each.train.length)];
    start += each.train.length;
    return { ...each, pseudo };
  });
  log(description(labelled, k));
  return labelled;
}

/** The teacher's coarsest tap of each image, averaged over positions: [C]. */
async function teacherFeatures(
  files: readonly string[],
  { backbone, weights }: Teacher,
  size: number,
  threads: number | undefined,
): Promise<Float32Array[]> {
  const frozen = constantTensors((name) => weights.get(name));
  const graph = record(
    'features',
    { image: { shape: [1, size, size, 3], dtype: 'uint8' } },
    ({ image }) => {
      const taps = tapFeatures(backbone, tf.div(image as tf.Tensor4D, 255), frozen);
      return { features: globalAveragePool(taps.at(-1) as tf.Tensor4D) };
    },
    { target: 'training' },
  );
  const loader = new ImageLoader(size, 0);
  const session = await GraphSession.open(graph, threads === undefined ? {} : { threads });
  try {
    const features: Float32Array[] = [];
    for (const file of files) {
      const { features: pooled } = await session.run({ image: await loader.load(file) });
      features.push(Float32Array.from((pooled as ResultTensor).data));
    }
    return features;
  } finally {
    await session.close();
    await loader.close();
  }
}

/** Sizes of the clusters, and how far they are the classes of the data. */
function description(classes: readonly (Images & { readonly pseudo: readonly number[] })[], k: number): string {
  const counts = Array.from({ length: k }, (_, cluster) =>
    classes.map(({ pseudo }) => pseudo.filter((of) => of === cluster).length),
  );
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const sizes = counts.map(
    (own, i) => `${i} with ${sum(own)} images, mostly ${classes[own.indexOf(Math.max(...own))]?.name}`,
  );
  const purity = sum(counts.map((own) => Math.max(...own))) / sum(counts.map(sum));
  return `Pseudo-classes: ${sizes.join('; ')}. ${(purity * 100).toFixed(1)} % of the images are of the class that their cluster mostly holds.`;
}
