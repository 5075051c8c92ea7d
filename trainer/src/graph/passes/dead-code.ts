import type { GraphNode, OnnxGraph } from '@beltsight/sdk/onnx';

/** Drops nodes and initializers that no graph output depends on. */
export function eliminateDeadCode(graph: OnnxGraph): OnnxGraph {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  return {
    ...graph,
    nodes: nodes.toReversed(),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
  };
}
