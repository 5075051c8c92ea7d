import type { GraphNode, OnnxGraph, TensorValue } from '@beltsight/sdk/onnx';

/** A convolution that can be computed with 8-bit integers. */
export interface Layer {
  /** Name of its output, and so of the node. */
  readonly name: string;
  /** The value that it convolves. */
  readonly input: string;
  /** The initializer with its filter, [O,I/group,kh,kw]. */
  readonly filter: string;
  /** The initializer with its bias, [O]. */
  readonly bias: string | undefined;
}

/**
 * The layers of a graph that can be quantised: convolutions with constant filters, in order. Transposed ones are left out:
 * TensorRT has no scales per output channel for them (NVIDIA/TensorRT issues 1694 and 2380: wrong results with such scales),
 * and with one scale for a whole filter they would lose much accuracy for little time: they are small.
 */
export function layersOf(graph: OnnxGraph): Layer[] {
  return graph.nodes.flatMap((node) => {
    const layer = layerOf(node, graph.initializers);
    return layer ? [layer] : [];
  });
}

function layerOf(
  { opType, inputs, outputs }: GraphNode,
  constants: ReadonlyMap<string, TensorValue>,
): Layer | undefined {
  const [input, filter, bias] = inputs;
  const [name] = outputs;
  if (opType !== 'Conv' || input === undefined || filter === undefined || name === undefined) return undefined;
  return constants.get(filter)?.type === 'float32' ? { name, input, filter, bias } : undefined;
}
