import { float, float32, GraphBuilder, ints, type OnnxGraph } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../../data/random.js';
import { GraphSession } from '../../../graph/session.js';
import { findings } from '../../tensorrt/rules.js';
import { toHalf } from './convert.js';
import { fitHalf } from './fit.js';

const random = randomOf(11);
const values = (dims: number[], scale = 1) =>
  float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() - 0.5) * scale),
  );
const PAD = { pads: ints([1, 1, 1, 1]) };

/** Two convolutions with a normalisation between them and a mean behind them: `image` [1,3,8,8] to `score` [1,1,1,1]. */
function small(gain = 1): OnnxGraph {
  const g = new GraphBuilder('small');
  const image = g.input('image', 'float32', [1, 3, 8, 8]);
  const first = g.node('Conv', [image, g.initializer(values([4, 3, 3, 3], gain)), g.initializer(values([4]))], PAD);
  const sides = [g.initializer(float32([4], [1, 1, 1, 1])), g.initializer(float32([4], [0, 0, 0, 0]))];
  const normal = g.node('InstanceNormalization', [g.node('Relu', [first]), ...sides], { epsilon: float(1e-5) });
  const second = g.node('Relu', [g.node('Conv', [normal, g.initializer(values([4, 4, 3, 3]))], PAD)]);
  const sum = g.node('Add', [second, g.node('Conv', [normal, g.initializer(values([4, 4, 1, 1]))])]);
  g.output(g.node('ReduceMean', [sum], { axes: ints([1, 2, 3]) }), 'float32', [1, 1, 1, 1], 'score');
  g.output(sum, 'float32', [1, 4, 8, 8], 'map');
  return g.build();
}

const run = async (graph: OnnxGraph, image: Float32Array) => {
  const session = await GraphSession.open(graph);
  const { score, map } = await session.run({ image });
  await session.close();
  return { score: score?.data[0] as number, map: map?.data as Float32Array };
};
const IMAGE = values([1, 3, 8, 8]).data as Float32Array;

describe('conversion to half precision', () => {
  const graph = small();
  const half = toHalf(graph).graph;
  const typeOf = (name: string) => half.nodes.find(({ outputs }) => outputs.includes(name))?.opType;

  it('computes the same to the accuracy of a half, in ONNX Runtime on the processor', async () => {
    const [exact, rounded] = [await run(graph, IMAGE), await run(half, IMAGE)];
    // 11 bits of mantissa, lost a few times over.
    expect(Math.abs(rounded.score - exact.score) / Math.abs(exact.score)).toBeLessThan(2e-3);
    expect(rounded.score).not.toBe(exact.score);
    for (const [i, value] of exact.map.entries())
      expect(Math.abs((rounded.map[i] as number) - value)).toBeLessThan(0.02);
  });

  it('keeps inputs and outputs, and norms and reductions, in single precision', () => {
    expect(half.inputs).toEqual(graph.inputs);
    expect(half.outputs).toEqual(graph.outputs);
    expect(findings(half)).toEqual([]);
    const norm = half.nodes.find(({ opType }) => opType === 'InstanceNormalization');
    expect(norm?.inputs[0]).toBe('Relu.float');
    expect(typeOf('Relu.float')).toBe('Cast');
    expect(half.nodes.find(({ opType }) => opType === 'ReduceMean')?.inputs[0]).toMatch(/\.float$/);
  });

  it('casts at borders alone, each value once', () => {
    const casts = half.nodes.filter(({ opType }) => opType === 'Cast').map(({ outputs }) => outputs[0]);
    // In, out to the norm and back (for two readers), and out to the mean and the map together.
    expect(casts).toEqual(['image.half', 'Relu.float', 'InstanceNormalization.half', 'Add.float']);
  });

  it('halves the weights and holds none of them twice', () => {
    const bytes = ({ initializers }: OnnxGraph) =>
      [...initializers.values()]
        .filter(({ dims }) => dims.length === 4)
        .reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(bytes(half)).toBe(bytes(graph) / 2);
  });

  it('saturates and names weights that are too large', () => {
    const { outOfRange } = toHalf(small(1e6));
    expect(outOfRange).toEqual([{ constant: 'const', saturated: expect.any(Number), vanished: 0 }]);
    expect(outOfRange[0]?.saturated).toBeGreaterThan(50);
  });

  it('keeps operators back whose results come near the largest half', async () => {
    const images = [new Uint8Array(3 * 64).fill(200)];
    expect((await fitHalf(graph, images)).keptBack).toEqual([]);
    const large = await fitHalf(small(30_000), images);
    expect(large.keptBack).toEqual(expect.arrayContaining(['Conv', 'Relu']));
    expect(large.graph.nodes[0]).toMatchObject({ opType: 'Conv', inputs: ['image', 'const', 'const_2'] });
    expect(large.operators).toBe((await fitHalf(graph, images)).operators - large.keptBack.length);
  });
});
