import { type OnnxGraph, sizeOf } from '@beltsight/sdk/onnx';

/** Number of dimensions of every value of an inference graph, as far as the operators of such a graph tell. */
export function ranksOf(graph: OnnxGraph): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>([
    ...graph.inputs.map(({ name, dims }) => [name, dims.length] as const),
    ...[...graph.initializers].map(([name, { dims }]) => [name, dims.length] as const),
  ]);
  for (const { opType, inputs, outputs, attributes } of graph.nodes) {
    const [first = 0, ...rest] = inputs.map((input) => ranks.get(input) ?? 0);
    const keepdims = attributes.keepdims?.kind !== 'int' || attributes.keepdims.value === 1;
    const axes = attributes.axes?.kind === 'ints' ? attributes.axes.value.length : undefined;
    const listed = graph.initializers.get(inputs[1] ?? '')?.dims ?? [];
    let rank = Math.max(first, ...rest);
    if (opType === 'Reshape') rank = sizeOf(listed);
    else if (opType === 'Gemm') rank = 2;
    else if (opType === 'Conv' || opType === 'ConvTranspose') rank = 4;
    else if (opType === 'InstanceNormalization') rank = first;
    else if (opType.startsWith('Reduce')) rank = keepdims ? first : first - (axes ?? sizeOf(listed));
    for (const output of outputs) ranks.set(output, rank);
  }
  return ranks;
}
