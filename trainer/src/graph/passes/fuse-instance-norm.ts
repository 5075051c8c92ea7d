import type { GraphNode, OnnxGraph, TensorValue } from '@beltsight/sdk/onnx';
import { float } from '@beltsight/sdk/onnx';
import { eliminateDeadCode } from './dead-code.js';

/**
 * Replaces the arithmetic of an instance normalisation, (x - mean) / sqrt(variance + epsilon) over the plane of each channel, by ONNX's
 * operator: one step for ONNX Runtime, and one that TensorRT fuses. The result computes the same but for rounding.
 */
export function fuseInstanceNorm(graph: OnnxGraph): OnnxGraph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node) => {
    const found = matchNorm(node, producers, initializers);
    if (!found) return node;
    const [scale, bias] = [1, 0].map((value) => {
      const name = `instance_norm.${found.channels}.${value === 1 ? 'scale' : 'bias'}`;
      const data = new Float32Array(found.channels).fill(value);
      initializers.set(name, { type: 'float32', dims: [found.channels], data });
      return name;
    }) as [string, string];
    return {
      ...node,
      opType: 'InstanceNormalization',
      inputs: [found.input, scale, bias],
      attributes: { epsilon: float(found.epsilon) },
    };
  });
  return eliminateDeadCode({ ...graph, nodes, initializers });
}

interface Norm {
  readonly input: string;
  readonly channels: number;
  readonly epsilon: number;
}

/** Matches d * 1/sqrt(mean(d * d) + epsilon) with d = x - mean(x). */
function matchNorm(
  node: GraphNode,
  producers: ReadonlyMap<string, GraphNode>,
  constants: ReadonlyMap<string, TensorValue>,
): Norm | undefined {
  if (node.opType !== 'Mul') return undefined;
  const made = (name: string | undefined, opType: string) => {
    const producer = producers.get(name ?? '');
    return producer?.opType === opType ? producer : undefined;
  };
  const [centred, inverse] = node.inputs;
  const root = made(made(inverse, 'Reciprocal')?.inputs[0], 'Sqrt');
  const sum = made(root?.inputs[0], 'Add');
  const square = made(planeMean(made(sum?.inputs[0], 'ReduceMean')), 'Mul');
  const difference = made(centred, 'Sub');
  const epsilon = constants.get(sum?.inputs[1] ?? '');
  if (!square?.inputs.every((input) => input === centred) || !difference || epsilon?.data.length !== 1)
    return undefined;
  const [input] = difference.inputs;
  if (input === undefined || planeMean(made(difference.inputs[1], 'ReduceMean')) !== input) return undefined;
  const channels = channelsOf(producers.get(input), constants);
  return channels === undefined ? undefined : { input, channels, epsilon: Number(epsilon.data[0]) };
}

/** What is averaged, if it is averaged over height and width alone. */
function planeMean(node: GraphNode | undefined): string | undefined {
  const { axes, keepdims } = node?.attributes ?? {};
  const plane = axes?.kind === 'ints' && axes.value.join() === '2,3';
  const kept = keepdims === undefined || (keepdims.kind === 'int' && keepdims.value === 1);
  return plane && kept ? node?.inputs[0] : undefined;
}

/** Channels that a convolution gives. */
function channelsOf(node: GraphNode | undefined, constants: ReadonlyMap<string, TensorValue>): number | undefined {
  return node?.opType === 'Conv' ? constants.get(node.inputs[1] ?? '')?.dims[0] : undefined;
}
