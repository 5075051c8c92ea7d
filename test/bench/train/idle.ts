import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { products } from '../../../examples/generate/specimen.js';
import { writeSamples } from '../../../examples/generate/write.js';
import { backboneOf } from '../../../trainer/src/model/teacher/load.js';
import { trainConfigSchema } from '../../../trainer/src/train/config.js';
import type { EpochSummary } from '../../../trainer/src/train/loop.js';
import { train } from '../../../trainer/src/train/train.js';
import { publishedFile } from '../../support/generated.js';
import type { Case } from './subject.js';

/**
 * Two epochs of a real run on generated photographs of twice the size: decoded, resized and augmented in the first, taken from
 * memory and augmented in the second. The share of each in which the engine waited for data.
 */
export async function idleShares({ teacher, loss, size, batch }: Case, threads: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  const shares: number[] = [];
  try {
    const weights = join(folder, 'teacher.safetensors');
    writeFileSync(weights, publishedFile(backboneOf(teacher)));
    const data = join(folder, 'data');
    const set = { imageSize: 2 * size, trainGood: 2 * batch, testGood: 1, perDefect: 0 };
    await writeSamples(data, set, 1, products.slice(0, 4));
    const config = trainConfigSchema.parse({ data: [data], teacher: weights, loss, size, batch, epochs: 2, threads });
    const reporter = {
      epochDone: ({ idleShare }: EpochSummary) => void shares.push(idleShare),
    };
    await train(config, { out: join(folder, 'run'), reporter: () => reporter });
    return shares;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
