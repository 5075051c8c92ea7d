import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expectClose, expectScalar } from '../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import { tf } from '../graph/tfjs.js';
import { type GlobalConfig, globalConfigSchema } from './config.js';
import { globalLoss } from './global.js';

/** Made by table6.py beside it. */
const reference = JSON.parse(readFileSync(new URL('./reference/table6.json', import.meta.url), 'utf8'));
const int32 = (data: number[]): PlainTensor => ({ shape: [data.length], data, dtype: 'int32' });

/** Loss and its gradients by both embeddings. */
function lossOf(config: GlobalConfig, x: Record<string, tf.Tensor>) {
  const { value, grads } = tf.valueAndGrads((...[g, augmented]: tf.Tensor[]) =>
    globalLoss(g as tf.Tensor2D, augmented as tf.Tensor2D, x.labels as tf.Tensor1D, config),
  )([x.g as tf.Tensor, x.g_aug as tf.Tensor]);
  return { loss: value, grad_g: grads[0] as tf.Tensor, grad_g_aug: grads[1] as tf.Tensor };
}

describe.each(['eager', 'compiled'] as const)('the forms of the global loss in table 6 on the %s engine', (engine) => {
  const run = (config: GlobalConfig, labels: number[], { g, g_aug } = reference) =>
    evaluate(engine, { g, g_aug, labels: int32(labels) }, (x) => lossOf(config, x));

  it.each(reference.cases as Record<string, unknown>[])(
    '$variant $tau $margin $mining, labels $labels',
    async (expected) => {
      const { variant, tau, margin, mining } = expected;
      const config = globalConfigSchema.parse({ variant, tau, margin, mining });
      const result = await run(config, expected.labels as number[]);
      expectScalar(result.loss as PlainTensor, expected.loss as number, 1e-5);
      for (const name of ['grad_g', 'grad_g_aug'])
        expectClose(result[name] as PlainTensor, expected[name] as PlainTensor, 1e-4, name, 1e-7);
    },
  );

  it.each(['infonce', 'n_pairs', 'triplet'])('%s does not depend on the length of embeddings', async (variant) => {
    const config = globalConfigSchema.parse({ variant });
    const labels = [0, 0, 1, 1, 1, 2];
    const doubled = Object.fromEntries(
      ['g', 'g_aug'].map((name) => [
        name,
        { ...reference[name], data: reference[name].data.map((value: number) => value * 2) },
      ]),
    );
    const [one, other] = [await run(config, labels), await run(config, labels, doubled)];
    expectScalar(one.loss as PlainTensor, (other.loss as PlainTensor).data[0] as number, 1e-5);
  });

  it('InfoNCE pays no attention to classes', async () => {
    const config = globalConfigSchema.parse({ variant: 'infonce' });
    const [one, other] = [await run(config, [0, 0, 1, 1, 1, 2]), await run(config, [0, 1, 2, 3, 4, 5])];
    expect((one.loss as PlainTensor).data[0]).toBe((other.loss as PlainTensor).data[0]);
  });
});
