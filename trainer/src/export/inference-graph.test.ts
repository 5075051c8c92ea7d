import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { defineModel, modelConfigSchema } from '../model/network.js';
import { initialise } from '../model/parameters.js';
import { loadTeacher } from '../model/teacher/load.js';
import { inferenceGraph, optimised } from './inference-graph.js';

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
