import { describe, expect, it } from 'vitest';
import { randomOf } from '../data/random.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import { tf } from '../graph/tfjs.js';
import { cclLoss } from './ccl.js';
import { lossConfigSchema } from './config.js';
import { localLoss } from './local.js';

/** Feature maps of three scales, two classes of two images. */
function features(): Record<string, PlainTensor> {
  const random = randomOf(3);
  const map = (scale: number) => {
    const shape = [4, 8 >> scale, 8 >> scale, 3];
    const length = shape.reduce((product, dim) => product * dim, 1);
    return { shape, data: Array.from({ length }, () => random() - 0.5) };
  };
  const parts = ['teacher', 'student', 'projected', 'projectedAugmented'];
  return Object.fromEntries(parts.flatMap((part) => [0, 1, 2].map((scale) => [`${part}${scale}`, map(scale)])));
}

/** Terms of the loss under a configuration, and the local loss of each scale alone. */
async function termsOf(config: object): Promise<Record<string, number | undefined>> {
  const loss = lossConfigSchema.parse(config);
  const inputs = { ...features(), labels: { shape: [4], data: [0, 0, 1, 1], dtype: 'int32' } as PlainTensor };
  const result = await evaluate('eager', inputs, (x) => {
    const scales = (part: string) => [0, 1, 2].map((scale) => x[`${part}${scale}`] as tf.Tensor4D);
    const [teacher, projected, projectedAugmented] = ['teacher', 'projected', 'projectedAugmented'].map(scales);
    const local = (teacher ?? []).map((encoder, scale) => ({
      encoder,
      encoderAugmented: encoder,
      projected: projected?.[scale] as tf.Tensor4D,
      projectedAugmented: projectedAugmented?.[scale] as tf.Tensor4D,
    }));
    const pool = (maps: tf.Tensor4D[] | undefined) => tf.mean(maps?.[2] as tf.Tensor4D, [1, 2]) as tf.Tensor2D;
    const labels = x.labels as tf.Tensor1D;
    const { total, kd, ...rest } = cclLoss(
      {
        teacher: teacher ?? [],
        student: scales('student'),
        local,
        embedding: pool(projected),
        embeddingAugmented: pool(projectedAugmented),
        labels,
        negatives: [],
      },
      loss,
    );
    const alone = local.map((scale) => loss.local && localLoss(scale, labels, loss.local));
    return {
      total,
      kd,
      ...rest,
      ...Object.fromEntries(alone.flatMap((value, i) => (value ? [[`alone${i + 1}`, value]] : []))),
    };
  });
  return Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, data[0]]));
}

describe('the loss of a configuration', () => {
  it('takes the mean of the scales that are named', async () => {
    for (const scales of [[3], [2, 3], [1, 2, 3]]) {
      const terms = await termsOf({ local: { scales } });
      const own = scales.map((scale) => terms[`alone${scale}`] as number);
      expect(terms.local).toBeCloseTo(own.reduce((a, b) => a + b) / own.length, 5);
    }
  });

  it('leaves out a term that is null', async () => {
    const both = await termsOf({ local: { weight: 0.5 }, global: { weight: 2 } });
    const { kd = 0, local = 0, global = 0 } = both;
    expect(both.total).toBeCloseTo(kd + 0.5 * local + 2 * global, 5);
    const onlyLocal = await termsOf({ global: null });
    expect(onlyLocal).not.toHaveProperty('global');
    expect(onlyLocal.total).toBeCloseTo(kd + local, 5);
    const onlyGlobal = await termsOf({ local: null });
    expect(onlyGlobal).not.toHaveProperty('local');
    expect(onlyGlobal.total).toBeCloseTo(kd + global, 5);
  });
});
