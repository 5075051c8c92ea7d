import { describe, it } from 'vitest';
import { type FixtureTensor, fixture } from '../../../test/support/fixtures.js';
import { expectClose, hwio, nchw, nhwc, permute } from '../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import { tf } from '../graph/tfjs.js';
import { conv2d, convTranspose2d, globalAveragePool, maxPool3x3 } from './layers/convolution.js';
import { cosine } from './layers/cosine.js';
import { batchNormEvaluation, batchNormTraining, instanceNorm, moments, updateRunning } from './layers/normalise.js';

type Tensors = Record<string, tf.Tensor>;
// biome-ignore lint/suspicious/noExplicitAny: fixtures are untyped data.
type Case = any;

const image = (x: tf.Tensor | undefined) => x as tf.Tensor4D;
const bilinear =
  ({ size }: Case) =>
  (x: Tensors) =>
    tf.image.resizeBilinear(image(x.x), [size, size], true);

/** Each operator of the fixtures as this project computes it, on channels-last tensors. */
const OPERATORS: Record<string, (c: Case) => (x: Tensors) => tf.Tensor> = {
  conv2d:
    ({ stride, padding }) =>
    (x) =>
      conv2d(image(x.x), x.w as tf.Tensor, { stride, padding, bias: x.b }),
  conv_transpose2d:
    ({ kernel }) =>
    (x) =>
      convTranspose2d(image(x.x), x.w as tf.Tensor, kernel),
  batch_norm: (c) => (x) => {
    const [gamma, beta] = [x.gamma as tf.Tensor, x.beta as tf.Tensor];
    if (c.training) return batchNormTraining(image(x.x), gamma, beta, moments(image(x.x), [0, 1, 2]));
    const [mean, variance] = [tf.tensor1d(c.running_mean.data), tf.tensor1d(c.running_var.data)];
    return batchNormEvaluation(image(x.x), gamma, beta, { mean, variance });
  },
  instance_norm: () => (x) => instanceNorm(image(x.x)),
  leaky_relu:
    ({ slope }) =>
    (x) =>
      tf.leakyRelu(x.x as tf.Tensor, slope),
  max_pool2d: () => (x) => maxPool3x3(image(x.x)),
  global_avg_pool: () => (x) => globalAveragePool(image(x.x)),
  bilinear,
  cosine_similarity: () => (x) => cosine(x.a as tf.Tensor, x.b as tf.Tensor, -1),
};

/** Fixtures are channels-first and filters PyTorch's; the project's are channels-last and HWIO. */
function toOurs(name: string, x: FixtureTensor): FixtureTensor {
  if (x.shape.length !== 4) return x;
  return name === 'w' ? hwio(x) : nhwc(x);
}

function toTheirs(name: string, x: PlainTensor): PlainTensor {
  if (x.shape.length !== 4) return x;
  return name === 'w' ? permute(x, [3, 2, 0, 1]) : nchw(x);
}

describe.each(['eager', 'compiled'] as const)('layers on the %s engine', (engine) => {
  it.each((fixture('layers').cases as Case[]).map((c): [string, Case] => [c.name, c]))('%s', async (_, c) => {
    const names = Object.keys(c.inputs);
    const inputs = Object.fromEntries(names.map((name) => [name, toOurs(name, c.inputs[name])]));
    const run = OPERATORS[c.op]?.(c) as (x: Tensors) => tf.Tensor;
    const result = await evaluate(engine, { ...inputs, cotangent: toOurs('cotangent', c.cotangent) }, (x) => {
      const by = (tensors: tf.Tensor[]) => Object.fromEntries(names.map((name, i) => [name, tensors[i] as tf.Tensor]));
      const weighted = (...tensors: tf.Tensor[]) =>
        tf.sum(tf.mul(run(by(tensors)), x.cotangent as tf.Tensor)) as tf.Scalar;
      const grads = tf.grads(weighted)(names.map((name) => x[name] as tf.Tensor));
      const outputs: Tensors = {
        output: run(x),
        ...Object.fromEntries(names.map((name, i) => [`grad/${name}`, grads[i] as tf.Tensor])),
      };
      if (c.op !== 'batch_norm' || !c.training) return outputs;
      const [batch = 0, channels = 0, height = 0, width = 0] = c.inputs.x.shape;
      const fresh = { mean: tf.zeros([channels]), variance: tf.ones([channels]) };
      const running = updateRunning(fresh, moments(image(x.x), [0, 1, 2]), batch * height * width);
      return { ...outputs, mean: running.mean, variance: running.variance };
    });
    expectClose(toTheirs('output', result.output as PlainTensor), c.output, 1e-5, 'output');
    for (const name of names) {
      expectClose(toTheirs(name, result[`grad/${name}`] as PlainTensor), c.grads[name], 1e-4, `gradient of ${name}`);
    }
    if (c.running_mean_after_from_zero) {
      expectClose(result.mean as PlainTensor, c.running_mean_after_from_zero, 1e-5, 'running mean');
      expectClose(result.variance as PlainTensor, c.running_var_after_from_one, 1e-5, 'running variance');
    }
  });
});
