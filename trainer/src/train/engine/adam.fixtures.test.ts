import { describe, expect, it } from 'vitest';
import { type FixtureTensor, fixture } from '../../../../test/support/fixtures.js';
import { expectClose, expectScalar } from '../../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../../graph/evaluate.js';
import { tf } from '../../graph/tfjs.js';
import { adam, adamRates, clipFactor, globalNorm, type Moments } from './adam.js';

const { adam: reference, clip_grad_norm: clipping } = fixture('optim');
const flat = ({ data }: FixtureTensor): FixtureTensor => ({ shape: [data.length], data });

describe.each(['eager', 'compiled'] as const)('the optimiser on the %s engine (optim)', (engine) => {
  it('takes the steps of Adam that PyTorch takes', async () => {
    expect(reference.weight_decay).toBe(0);
    const config = {
      learningRates: { all: reference.lr },
      betas: reference.betas,
      epsilon: reference.eps,
      clipNorm: Number.POSITIVE_INFINITY,
    };
    const zeros = flat({ shape: [], data: reference.param0.data.map(() => 0) });
    let state: Record<string, PlainTensor> = { parameters: flat(reference.param0), moment1: zeros, moment2: zeros };
    for (const [i, gradient] of (reference.grads as FixtureTensor[]).entries()) {
      const { rate, root } = adamRates(config, 'all', i + 1);
      const scalars = { rate: { shape: [], data: [rate] }, root: { shape: [], data: [root] } };
      state = await evaluate(engine, { ...state, ...scalars, gradient: flat(gradient) }, (x) => {
        const group = { parameters: x.parameters, moment1: x.moment1, moment2: x.moment2 } as unknown as Moments;
        const [rateTensor, rootTensor] = [x.rate as tf.Scalar, x.root as tf.Scalar];
        const next = adam(group, x.gradient as tf.Tensor1D, tf.scalar(1), rateTensor, rootTensor, config);
        // An output needs a name of its own.
        return { nextParameters: next.parameters, nextMoment1: next.moment1, nextMoment2: next.moment2 };
      }).then((r) => ({
        parameters: r.nextParameters as PlainTensor,
        moment1: r.nextMoment1 as PlainTensor,
        moment2: r.nextMoment2 as PlainTensor,
      }));
      expectClose(state.parameters as PlainTensor, reference.params_after_each_step[i], 1e-5, `step ${i + 1}`);
    }
  });

  it('clips the global norm as PyTorch does', async () => {
    const gradients = clipping.grads as FixtureTensor[];
    const inputs = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, flat(gradient)]));
    const result = await evaluate(engine, inputs, (x) => {
      const vectors = gradients.map((_, i) => x[`g${i}`] as tf.Tensor1D);
      const norm = globalNorm(vectors);
      const factor = clipFactor(norm, clipping.max_norm);
      return { norm, ...Object.fromEntries(vectors.map((vector, i) => [`clipped${i}`, tf.mul(vector, factor)])) };
    });
    expectScalar(result.norm as PlainTensor, clipping.total_norm, 1e-5);
    clipping.clipped.forEach((expected: FixtureTensor, i: number) => {
      expectClose(result[`clipped${i}`] as PlainTensor, expected, 1e-5, `gradient ${i}`);
    });
  });
});
