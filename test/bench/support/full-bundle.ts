import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BundleParts, sealBundle } from '@beltsight/sdk/bundle';
import { inferenceGraph, optimised } from '../../../trainer/src/export/inference-graph.js';
import { placementOf } from '../../../trainer/src/export/placement.js';
import { defineModel, modelConfigSchema } from '../../../trainer/src/model/network.js';
import { initialise } from '../../../trainer/src/model/parameters.js';
import { loadTeacher } from '../../../trainer/src/model/teacher/load.js';

/** A class that takes everything for good. */
const thing = (embeddingSize: number): BundleParts['classes'][number] => ({
  name: 'thing',
  centroid: Array.from({ length: embeddingSize }, () => 1 / Math.sqrt(embeddingSize)),
  maxDistance: 2,
  threshold: 1e6,
  falseRejectRate: { wanted: 0.05, attained: 0.05 },
  calibration: [1],
});

/** Writes a bundle of the shipped teacher and a student with random weights: speed and memory do not depend on them. */
export async function writeFullBundle(folder: string, size: number, seed = 1): Promise<void> {
  const teacher = await loadTeacher('mobilenet_v2');
  const model = defineModel(modelConfigSchema.parse({ size }));
  const weights = initialise(model.parameters, model.statistics, seed);
  const graph = optimised(inferenceGraph(model, teacher, weights, 1));
  const files = await sealBundle({
    name: 'bench',
    createdAt: '2026-01-01T00:00:00.000Z',
    model: graph,
    placement: placementOf(graph, model, teacher),
    input: { name: 'image', size, batch: 1 },
    embeddingSize: model.embeddingSize,
    classes: [thing(model.embeddingSize)],
    golden: [],
    tolerance: 1e-3,
    extra: new Map(),
  });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}
