import { float32, GraphBuilder, int, int64, ints, type OnnxGraph } from '@beltsight/sdk/onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomOf } from '../../../data/random.js';
import { scoresOf } from '../drift.js';
import { fitInt8 } from './fit.js';
import { type Layer, layersOf } from './layers.js';
import { type Calibration, calibrateRanges, type Probes } from './ranges.js';
import { scanSensitivity, selectLayers } from './sensitivity.js';

/**
 * A model of three convolutions, the middle one fragile. What it reads has one channel a thousand times as large as the
 * other, which its filter ignores: one scale for both leaves nothing of the small channel, which makes the score.
 */
function fragileGraph(): OnnxGraph {
  const g = new GraphBuilder('fragile');
  const image = g.input('image', 'float32', [1, 3, 8, 8]);
  const conv = (x: string, dims: number[], weights: number[]) =>
    g.node('Conv', [x, g.initializer(float32(dims, weights))]);
  const plain = conv(image, [2, 3, 1, 1], [0.5, 0.3, 0.2, 0.3, 0.3, 0.4]);
  const apart = g.node('Mul', [plain, g.initializer(float32([1, 2, 1, 1], [1, 1000]))]);
  const fragile = conv(apart, [2, 2, 1, 1], [1, 0, 0.5, 0]);
  const map = conv(fragile, [1, 2, 1, 1], [0.6, 0.8]);
  const mean = g.node('ReduceMean', [map], { axes: ints([1, 2, 3]), keepdims: int(1) });
  const score = g.node('Reshape', [mean, g.initializer(int64([1]))]);
  g.output(score, 'float32', [1], 'score');
  g.output(map, 'float32', [1, 1, 8, 8], 'map');
  g.output(g.node('ReduceMean', [fragile], { axes: ints([2, 3]), keepdims: int(0) }), 'float32', [1, 2], 'embedding');
  return g.build();
}

describe('the sensitivity scan', () => {
  const graph = fragileGraph();
  const FRAGILE = layersOf(graph)[1]?.name as string;
  const random = randomOf(2);
  const images = Array.from({ length: 4 }, () => Uint8Array.from({ length: 192 }, () => 40 + random() * 200));
  let layers: Layer[];
  let probes: Probes;
  let calibration: Calibration;
  beforeAll(async () => {
    layers = layersOf(graph);
    probes = { images, scores: await scoresOf(graph, images) };
    calibration = await calibrateRanges(graph, layers, images, probes);
  }, 60_000);

  it('puts the layer first that cannot bear it', async () => {
    const ticks: number[] = [];
    const ranked = await scanSensitivity(graph, layers, calibration, probes, Number.POSITIVE_INFINITY, (n) =>
      ticks.push(n),
    );
    expect(ranked[0]?.layer.name).toBe(FRAGILE);
    expect(ranked[0]?.drift).toBeGreaterThan(0.5);
    expect(ranked[1]?.drift).toBeLessThan(0.01);
    expect(ticks).toEqual([1, 2, 3]);
  });

  it('keeps that layer back, and no other', async () => {
    const fitted = await fitInt8(graph, { good: images, probes: images });
    expect(fitted).toMatchObject({ layers: 3, quantised: 2, scanned: 3, keptBack: [{ layer: FRAGILE }] });
    expect(fitted.drift.mean).toBeLessThan(0.01);
    const quantisers = fitted.graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear');
    expect(quantisers.map(({ inputs }) => inputs[0])).toEqual(['image', FRAGILE]);
  });

  it('keeps nothing back, and looks at no single layer, where the limit allows it', async () => {
    const limit = { mean: 10, max: 10 };
    const { quantised, scanned } = await fitInt8(graph, { good: images, probes: images }, { limit });
    expect({ quantised, scanned }).toEqual({ quantised: 3, scanned: 0 });
  });

  it('stops when time is up, and still ends within the limit', async () => {
    let now = 0;
    const clock = () => now++;
    const ranked = await scanSensitivity(graph, layers, calibration, probes, 0, undefined, clock);
    expect(ranked.map(({ drift }) => drift === undefined)).toEqual([false, true, true]);
    const limit = { mean: 0.01, max: 0.05 };
    const rank = async () => ranked;
    const { quantised, drift } = await selectLayers(graph, layers, calibration, probes, limit, rank);
    expect(drift.mean).toBeLessThan(0.01);
    expect(quantised.map(({ name }) => name)).not.toContain(FRAGILE);
  });
});
