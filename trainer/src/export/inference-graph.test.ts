import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { defineModel, modelConfigSchema } from '../model/network.js';
import { initialise } from '../model/parameters.js';
import { backboneOf, loadTeacher, type Teacher } from '../model/teacher/load.js';
import { TEACHER_PREFIX } from '../model/teacher/run.js';
import { layersOf } from '../model/teacher/table.js';
import { inferenceGraph, optimised } from './inference-graph.js';
import { lintForTensorRt } from './lint.js';
import { placementOf } from './placement.js';

describe.each([1, 2])('the exported graph for %i images', (batch) => {
  let graph: OnnxGraph;
  const operators = () => graph.nodes.map(({ opType }) => opType);
  beforeAll(async () => {
    const model = defineModel(modelConfigSchema.parse({ size: 64, width: 8 }));
    const weights = initialise(model.parameters, model.statistics, 0);
    graph = optimised(inferenceGraph(model, await loadTeacher('mobilenet_v2'), weights, batch));
  }, 60_000);

  it('computes nothing twice: no two nodes have the same operator, attributes and inputs', () => {
    const seen = new Map<string, string>();
    const repeated = graph.nodes.flatMap(({ opType, domain, attributes, inputs, outputs }) => {
      const key = JSON.stringify([domain, opType, attributes, inputs.map(contentOf)]);
      const first = seen.get(key);
      seen.set(key, outputs[0] as string);
      return first === undefined ? [] : [`${outputs[0]} repeats ${first}`];
    });
    expect(repeated).toEqual([]);
  });

  it('normalises the projector with one operator each: four at each of three scales', () => {
    expect(operators().filter((op) => op === 'InstanceNormalization')).toHaveLength(12);
  });

  it('moves no data: no Transpose is left', () => {
    expect(operators()).not.toContain('Transpose');
  });

  /** A constant by what it holds, so that equal constants of different names count as one. */
  function contentOf(name: string): string {
    const constant = graph.initializers.get(name);
    return constant ? `${constant.type}[${constant.dims}]${Array.from(constant.data.slice(0, 64), String)}` : name;
  }
});

/** A teacher whose weights are small numbers, other ones in every tensor. */
function generatedTeacher(name: string): Teacher {
  const backbone = backboneOf(name);
  const fill = (shape: readonly number[], seed: number) => {
    const length = shape.reduce((product, dim) => product * dim, 1);
    return { shape, data: new Float32Array(length).fill(seed / length).fill(-seed / length, 0, length / 2) };
  };
  const weights = layersOf(backbone).flatMap(({ name: layer, kernel, input, output }, i) => [
    [`${TEACHER_PREFIX}${layer}.weight`, fill([kernel, kernel, input, output], 2 * i + 1)] as const,
    [`${TEACHER_PREFIX}${layer}.bias`, fill([output], 2 * i + 2)] as const,
  ]);
  return { backbone, weights: new Map(weights), metadata: {}, sha256: '' };
}

describe('the exported graph with a teacher and a student of bottleneck blocks', () => {
  const teacher = generatedTeacher('resnet50');
  const model = defineModel(modelConfigSchema.parse({ teacher: 'resnet50', size: 32, width: 8 }));
  let graph: OnnxGraph;
  beforeAll(() => {
    graph = optimised(inferenceGraph(model, teacher, initialise(model.parameters, model.statistics, 0), 1));
  }, 60_000);

  it('is one that TensorRT takes, with nothing moved', () => {
    expect(() => lintForTensorRt(graph)).not.toThrow();
    expect(graph.nodes.map(({ opType }) => opType)).not.toContain('Transpose');
  });

  it('puts the teacher’s filters, all of them and no others, into the teacher’s file', () => {
    const place = placementOf(graph, model, teacher);
    const filters = [...graph.initializers].filter(([, { dims }]) => dims.length === 4);
    const kept = filters.filter(([name, { data }]) => place(name, data.byteLength) === 'teacher.weights');
    expect(kept).toHaveLength(layersOf(teacher.backbone).length);
    const bytes = (entries: typeof filters) => entries.reduce((total, [, { data }]) => total + data.byteLength, 0);
    const expected = layersOf(teacher.backbone).reduce(
      (n, { kernel, input, output }) => n + kernel ** 2 * input * output,
      0,
    );
    expect(bytes(kept)).toBe(4 * expected);
  });
});
