import { float32, GraphBuilder, int64, ints, type OnnxGraph } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../../data/random.js';
import { GraphSession } from '../../../graph/session.js';
import { findings } from '../../tensorrt/rules.js';
import { layersOf } from './layers.js';
import { quantise, quantiseFilter } from './quantise.js';

const random = randomOf(3);
const values = (dims: number[]) =>
  float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
  );

/** `image` [1,3,6,6] through a convolution; two more and a mean read its result, a transposed one theirs. */
function small(): OnnxGraph {
  const g = new GraphBuilder('small');
  const image = g.input('image', 'float32', [1, 3, 6, 6]);
  const pads = { pads: ints([1, 1, 1, 1]) };
  const first = g.node('Conv', [image, g.initializer(values([4, 3, 3, 3]), 'w1'), g.initializer(values([4]))], pads);
  const left = g.node('Conv', [first, g.initializer(values([4, 4, 3, 3]), 'w2')], pads);
  const right = g.node('Conv', [first, g.initializer(values([4, 4, 1, 1]), 'w3')]);
  const up = g.node('ConvTranspose', [g.node('Add', [left, right]), g.initializer(values([4, 2, 2, 2]), 'w4')], {
    strides: ints([2, 2]),
  });
  g.output(up, 'float32', [1, 2, 12, 12], 'map');
  g.output(g.node('ReduceMean', [first], { axes: ints([1, 2, 3]) }), 'float32', [1, 1, 1, 1], 'mean');
  return g.build();
}

const run = async (graph: OnnxGraph, image: Float32Array) => {
  const session = await GraphSession.open(graph);
  const results = await session.run({ image });
  await session.close();
  return results;
};

describe('quantisation', () => {
  const graph = small();
  const layers = layersOf(graph);
  const ranges = new Map([
    ['image', 0.5],
    ['Conv', 2],
  ]);
  const quantised = quantise(graph, layers, ranges);

  it('takes convolutions, and leaves transposed ones alone', () => {
    expect(layers.map(({ filter }) => filter)).toEqual(['w1', 'w2', 'w3']);
    expect(quantised.nodes.find(({ opType }) => opType === 'ConvTranspose')?.inputs[1]).toBe('w4');
  });

  it('stays near the numbers it stands for, in ONNX Runtime', async () => {
    const image = values([1, 3, 6, 6]).data as Float32Array;
    const [exact, rounded] = [await run(graph, image), await run(quantised, image)];
    const [a, b] = [exact.map?.data as Float32Array, rounded.map?.data as Float32Array];
    const rms = (of: (i: number) => number) => Math.sqrt(a.reduce((sum, _, i) => sum + of(i) ** 2, 0) / a.length);
    const error = rms((i) => (b[i] as number) - (a[i] as number)) / rms((i) => a[i] as number);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.03);
  });

  it('quantises a value once for all its layers, and not for other readers', () => {
    const quantisers = quantised.nodes.filter(({ opType }) => opType === 'QuantizeLinear');
    expect(quantisers.map(({ inputs }) => inputs[0])).toEqual(['image', 'Conv']);
    expect(quantised.nodes.find(({ opType }) => opType === 'ReduceMean')?.inputs).toEqual(['Conv']);
  });

  it('is symmetric, has a scale for every output channel, and passes the TensorRT lint', () => {
    for (const [name, { data, type }] of quantised.initializers) {
      if (name.endsWith('.zero')) expect([type, ...data].slice(1).every((zero) => zero === 0)).toBe(true);
    }
    expect(quantised.initializers.get('w1.scale')?.dims).toEqual([4]);
    expect(quantised.initializers.get('image.scale')?.dims).toEqual([]);
    expect(quantised.initializers.has('w1')).toBe(false);
    expect(findings(quantised)).toEqual([]);
  });

  it('rounds weights to within half a step of their own channel', () => {
    const filter = float32([2, 1, 1, 2], [1, -0.3, 0.001, 0.0004]);
    const { values: whole, scales } = quantiseFilter(filter);
    expect([...whole.data]).toEqual([127, -38, 127, 51]);
    for (const [i, weight] of filter.data.entries()) {
      const scale = scales[Math.floor(i / 2)] as number;
      expect(Math.abs(Number(whole.data[i]) * scale - Number(weight))).toBeLessThanOrEqual(scale * 0.5001);
    }
  });

  it('takes a channel of zeros and a value that was always zero', async () => {
    const g = new GraphBuilder('zeros');
    const image = g.input('image', 'float32', [1, 1, 1, 1]);
    const conv = g.node('Conv', [image, g.initializer(float32([1, 1, 1, 1], [0]))]);
    g.output(g.node('Reshape', [conv, g.initializer(int64([1]))]), 'float32', [1], 'y');
    const zeros = g.build();
    const { y } = await run(quantise(zeros, layersOf(zeros), new Map([['image', 0]])), Float32Array.of(0));
    expect(y?.data[0]).toBe(0);
  });

  it('keeps the bias of a channel that has next to no weights', async () => {
    const g = new GraphBuilder('dead');
    const image = g.input('image', 'float32', [1, 1, 2, 2]);
    const sides = [g.initializer(float32([2, 1, 1, 1], [1, 1e-30])), g.initializer(float32([2], [0, 3]))];
    const first = g.node('Conv', [image, ...sides]);
    const second = g.node('Conv', [first, g.initializer(float32([1, 2, 2, 2], new Array(8).fill(1)))]);
    g.output(second, 'float32', [1, 1, 1, 1], 'y');
    const dead = g.build();
    const reads = new Map([
      ['image', 1],
      ['Conv', 3],
    ]);
    const { y } = await run(quantise(dead, layersOf(dead), reads), new Float32Array(4).fill(1));
    // Four times one from the first channel, four times the bias of the second.
    expect(Math.abs((y?.data[0] as number) - 16)).toBeLessThan(0.2);
  });

  it('is computed without saturation: 576 products of ones add up to 576', async () => {
    const g = new GraphBuilder('ones');
    const image = g.input('image', 'float32', [1, 64, 3, 3]);
    const ones = float32([8, 64, 3, 3], new Float32Array(8 * 576).fill(1));
    const first = g.node('Conv', [image, g.initializer(ones)]);
    const second = g.node('Conv', [first, g.initializer(float32([1, 8, 1, 1], new Float32Array(8).fill(1)))]);
    g.output(second, 'float32', [1, 1, 1, 1], 'y');
    const graphOfOnes = g.build();
    const reads = new Map([
      ['image', 1],
      ['Conv', 576],
    ]);
    const { y } = await run(quantise(graphOfOnes, layersOf(graphOfOnes), reads), new Float32Array(576).fill(1));
    expect(y?.data[0]).toBeCloseTo(8 * 576, 0);
  });
});
