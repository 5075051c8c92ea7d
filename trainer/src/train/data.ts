import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { type AugmentConfig, FULL, PHOTOMETRIC } from '../data/augment.js';
import { ImageLoader } from '../data/loader.js';
import { parseReference } from '../data/reference.js';
import type { ImageWorkers } from '../data/workers/pool.js';
import type { LossConfig } from '../loss/config.js';
import { dataFingerprint } from '../record/fingerprint.js';
import { type BatchSource, prepareBatch } from './batches.js';
import type { TrainingProgram } from './engine/program.js';
import type { TrainingData } from './loop.js';
import { labelledImages, type Run } from './run.js';
import { planEpoch } from './stages.js';

/** How the second view differs. Positives are searched around the same position of it, unless anywhere: then it lies where the first one does. */
export const secondView = ({ local }: LossConfig): AugmentConfig => (local && local.k !== 'full' ? PHOTOMETRIC : FULL);

/** What a run trains on, batch by batch; pictures that were fed back come `feedbackRepeat` times an epoch. */
export function trainingData(
  run: Run,
  workers: ImageWorkers,
  program: TrainingProgram,
  loss: LossConfig,
): TrainingData {
  const { batch, seed } = run.config;
  const source: BatchSource = {
    workers,
    files: labelledImages(run),
    augmentation: program.needs.augmented ? secondView(loss) : undefined,
    negatives: program.needs.negatives,
    seed,
  };
  const counts = source.files.map((files) => files.length);
  const plan = (epoch: number) => planEpoch(counts, run.config, epoch);
  return {
    depth: workers.depth,
    batches: (epoch) => plan(epoch).length,
    batch: (epoch, index) => prepareBatch(source, plan(epoch)[index] ?? [], epoch, index),
    async heldOut() {
      const files = run.classes.flatMap(({ train, heldOut }) => (heldOut.length > 0 ? heldOut : train));
      const pixels = new Uint8Array(files.length * workers.size ** 2 * 3);
      await Promise.all(
        Array.from({ length: Math.ceil(files.length / batch) }, async (_, part) => {
          const wanted = files.slice(part * batch, (part + 1) * batch).map((file) => ({ file }));
          pixels.set((await workers.prepare(wanted, undefined, false)).images, part * batch * workers.size ** 2 * 3);
        }),
      );
      return { pixels, count: files.length };
    },
  };
}

/** As many images that cannot be used are named. */
const NAMED = 20;

/** Decodes every image once, so that a damaged one is told of now and not after an hour, and all of them together. */
export async function requireReadable(files: readonly string[], size: number): Promise<void> {
  const loader = new ImageLoader(size, 0);
  const failed: string[] = [];
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      await loader.load(file).catch(() => failed.push(file as string));
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  const problems: string[] = [];
  // Once more, one by one: images decoded side by side take each other's reasons.
  for (const file of failed.sort()) await loader.load(file).catch((error: Error) => problems.push(error.message));
  await loader.close();
  if (problems.length === 0) return;
  const list = problems.slice(0, NAMED).map((problem) => `  - ${problem}`);
  if (problems.length > NAMED) list.push(`  and ${problems.length - NAMED} more`);
  throw new BeltsightError(
    'IMAGE_UNREADABLE',
    `${problems.length} training image(s) cannot be used:\n${list.join('\n')}`,
  );
}

/** SHA-256 over names and sizes of all images of a run. */
export async function dataDigest(classes: Run['classes']): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, train, heldOut, feedback } of classes) {
    hash.update(`${name}\n`);
    for (const file of [...train, ...heldOut, ...feedback.test]) {
      const size = await stat(parseReference(file).file).then(
        (info) => info.size,
        () => -1,
      );
      hash.update(`${file}\t${size}\n`);
    }
  }
  return hash.digest('hex');
}

/**
 * Compares the pictures of a run with those that are there: names and sizes first, then the content, for the pictures of one camera often have
 * one size.
 * @throws BeltsightError RUN_INVALID if any of them changed or is gone
 */
export async function requireSameData({ classes, dataDigest: digest, fingerprint }: Run): Promise<void> {
  const sameFiles = (await dataDigest(classes)) === digest;
  if (sameFiles && (fingerprint === null || (await dataFingerprint(classes)) === fingerprint)) return;
  throw new BeltsightError(
    'RUN_INVALID',
    'The training images are not those the run was started with: put them back, or start a new run in another folder.',
  );
}
