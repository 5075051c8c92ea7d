import { describe, expect, it } from 'vitest';
import { expectClose } from '../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import type { tf } from '../graph/tfjs.js';
import { declareProjector, PROJECTOR_FORMS, type ProjectorShape, projectScale } from './projector.js';

const CHANNELS = 8;
const shapeOf = (form: ProjectorShape['form']): ProjectorShape => ({
  name: 'p',
  form,
  channels: CHANNELS,
  reduction: 2,
  stride: 4,
});

function noise(shape: readonly number[], seed: number): PlainTensor {
  const length = shape.reduce((product, dim) => product * dim, 1);
  return { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) + seed)) };
}

const inputs = (form: ProjectorShape['form']) =>
  Object.fromEntries(declareProjector(shapeOf(form)).parameters.map(({ name, shape }, i) => [name, noise(shape, i)]));

async function project(form: ProjectorShape['form'], x: PlainTensor): Promise<PlainTensor> {
  const { y } = await evaluate('compiled', { x, ...inputs(form) }, (tensors) => ({
    y: projectScale(tensors.x as tf.Tensor4D, shapeOf(form), { get: (name) => tensors[name] as tf.Tensor }),
  }));
  return y as PlainTensor;
}

describe('a projector', () => {
  it.each(PROJECTOR_FORMS)('of form %s keeps the shape of features', async (form) => {
    const { shape, data } = await project(form, noise([2, 4, 4, CHANNELS], 9));
    expect(shape).toEqual([2, 4, 4, CHANNELS]);
    expect(Array.from(data).every(Number.isFinite)).toBe(true);
  });

  it('narrows to a quarter with four blocks, to a half with two layers', () => {
    const widths = (form: ProjectorShape['form']) =>
      declareProjector(shapeOf(form))
        .parameters.filter(({ shape }) => shape.length === 4)
        .map(({ shape }) => shape);
    expect(widths('4-conv')).toEqual([
      [3, 3, 8, 4],
      [3, 3, 4, 2],
      [3, 3, 2, 4],
      [3, 3, 4, 8],
    ]);
    expect(widths('2-conv')).toEqual([
      [3, 3, 8, 4],
      [3, 3, 4, 8],
    ]);
    expect(widths('mlp')).toEqual([
      [1, 1, 8, 4],
      [1, 1, 4, 8],
    ]);
  });

  it('of form mlp is two linear layers at every position, leaky relu between', async () => {
    const x = noise([1, 3, 3, CHANNELS], 5);
    const weights = inputs('mlp');
    const linear = (input: readonly number[], layer: number) => {
      const { shape, data } = weights[`p.${layer}.0.weight`] as PlainTensor;
      const outputs = shape[3] as number;
      return Array.from({ length: outputs }, (_, o) =>
        input.reduce(
          (sum, value, i) => sum + value * (data[i * outputs + o] as number),
          weights[`p.${layer}.0.bias`]?.data[o] as number,
        ),
      );
    };
    const expected = Array.from({ length: 9 }, (_, position) => {
      const features = Array.from(x.data).slice(position * CHANNELS, (position + 1) * CHANNELS);
      return linear(
        linear(features, 0).map((value) => (value > 0 ? value : 0.01 * value)),
        1,
      );
    });
    expectClose(await project('mlp', x), { shape: [], data: expected.flat() }, 1e-5);
  });
});
