import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/support/fixtures.js';
import { type Digest, generated, uniform } from '../../../test/support/generated.js';
import { expectDigest, hwio, nchw, nhwc, permute } from '../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import { tf } from '../graph/tfjs.js';
import { join } from './blocks.js';
import { decoderOf } from './decoder.js';
import { neckOf } from './neck.js';
import { EVALUATION, type Mode, type Weights } from './parameters.js';

interface Pass {
  readonly z: Digest;
  readonly student: readonly Digest[];
}

interface Reference {
  readonly images: number;
  readonly size: number;
  readonly width: number;
  readonly neckInner: number;
  readonly decoderInner: number;
  readonly neckBlocks: number;
  readonly decoderBlocks: [number, number, number];
  readonly eval: Pass;
  readonly train: Pass;
  readonly gradients: Readonly<Record<string, Digest>>;
  readonly running: Readonly<Record<string, Digest>>;
}

const data = fixture('bottleneck') as Reference;
const taps = [data.width, 2 * data.width, 4 * data.width];
const neck = neckOf({ taps, width: data.width, blocks: data.neckBlocks, inner: data.neckInner });
const decoder = decoderOf({ taps, width: data.width, blocks: data.decoderBlocks, inner: data.decoderInner });
const { parameters, statistics } = join(neck.declared, decoder.declared);
const names = parameters.map(({ name }) => name);

/** Filters are [kh,kw,I,O] here, (O,I,kh,kw) there; transposed ones [kh,kw,O,I] and (I,O,kh,kw): the same order of axes. */
function stored(name: string, shape: readonly number[]): PlainTensor {
  if (shape.length !== 4) return { shape, data: generated(name, shape) };
  const [kh, kw, third, last] = shape as [number, number, number, number];
  const torch = [last, third, kh, kw];
  return hwio({ shape: torch, data: generated(name, torch) });
}

const toTorch = (x: PlainTensor): PlainTensor => (x.shape.length === 4 ? permute(x, [3, 2, 0, 1]) : x);

function mapOf(name: string, scale: number): PlainTensor {
  const side = data.size / 4 / 2 ** scale;
  const shape = [data.images, taps[scale] as number, side, side];
  return nhwc({
    shape,
    data: uniform(
      name,
      shape.reduce((product, dim) => product * dim, 1),
    ),
  });
}

const inputs: Record<string, PlainTensor> = Object.fromEntries([
  ...[...parameters, ...statistics].map(({ name, shape }) => [name, stored(name, shape)] as const),
  ...[0, 1, 2].flatMap((s) => [
    [`feature.${s}`, mapOf(`feature.${s}`, s)] as const,
    [`cotangent.${s}`, mapOf(`cotangent.${s}`, s)] as const,
  ]),
]);

type Lookup = Record<string, tf.Tensor>;

function run(x: Lookup, weights: Weights, mode: Mode): Record<string, tf.Tensor4D> {
  const z = neck.run(
    [0, 1, 2].map((s) => x[`feature.${s}`] as tf.Tensor4D),
    weights,
    mode,
  );
  const [s0, s1, s2] = decoder.run(z, weights, mode) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  return { z, s0, s1, s2 };
}

/** Forward with batch moments, the gradients of the mean of student times cotangent, and the running estimates after. */
function trainStep(x: Lookup): Lookup {
  const outputs: Lookup = {};
  const mode: Mode = {
    training: true,
    update: (name, value) => void Object.assign(outputs, { [`next/${name}`]: tf.keep(value) }),
  };
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const given = Object.fromEntries(names.map((name, i) => [name, tensors[i] as tf.Tensor]));
    const result = run(x, { get: (name) => (given[name] ?? x[name]) as tf.Tensor }, mode);
    for (const [name, tensor] of Object.entries(result)) outputs[name] = tf.keep(tensor.clone());
    const terms = [0, 1, 2].map((s) => tf.mean(tf.mul(result[`s${s}`] as tf.Tensor, x[`cotangent.${s}`] as tf.Tensor)));
    return tf.addN(terms) as tf.Scalar;
  })(names.map((name) => x[name] as tf.Tensor));
  value.dispose();
  for (const [i, name] of names.entries()) outputs[`grad/${name}`] = grads[i] as tf.Tensor;
  return outputs;
}

function expectPass(result: Record<string, PlainTensor>, expected: Pass): void {
  expectDigest(nchw(result.z as PlainTensor), expected.z, 1e-4, 'z');
  for (const [scale, digest] of expected.student.entries()) {
    expectDigest(nchw(result[`s${scale}`] as PlainTensor), digest, 1e-4, `student ${scale}`);
  }
}

describe.each(['eager', 'compiled'] as const)(
  'neck and decoder of bottleneck blocks on the %s engine (bottleneck)',
  (engine) => {
    it('evaluate like the reference', async () => {
      expectPass(
        await evaluate(engine, inputs, (x) => run(x, { get: (name) => x[name] as tf.Tensor }, EVALUATION)),
        data.eval,
      );
    });

    it('train like the reference: outputs, gradients, running estimates', async () => {
      const result = await evaluate(engine, inputs, trainStep);
      expectPass(result, data.train);
      expect(names.toSorted()).toEqual(Object.keys(data.gradients).toSorted());
      for (const name of names) {
        expectDigest(
          toTorch(result[`grad/${name}`] as PlainTensor),
          data.gradients[name] as Digest,
          1e-3,
          `gradient of ${name}`,
        );
      }
      expect(statistics.map(({ name }) => name).toSorted()).toEqual(Object.keys(data.running).toSorted());
      for (const [name, digest] of Object.entries(data.running)) {
        expectDigest(result[`next/${name}`] as PlainTensor, digest, 1e-4, name);
      }
    });
  },
);
