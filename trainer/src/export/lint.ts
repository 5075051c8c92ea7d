import { BeltsightError } from '@beltsight/sdk';
import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { findings } from './tensorrt/rules.js';

/**
 * Checks that TensorRT can parse a graph and leaves nothing of it to be moved through memory for nothing.
 * @throws BeltsightError GRAPH_INVALID naming every node, its operator, what is wrong with it and what to do
 */
export function lintForTensorRt(graph: OnnxGraph): void {
  const found = findings(graph);
  if (found.length === 0) return;
  const lines = found.map(({ node, operator, problem, remedy }) => `  - ${operator} "${node}" ${problem}: ${remedy}`);
  throw new BeltsightError('GRAPH_INVALID', `TensorRT cannot parse the graph as it is:\n${lines.join('\n')}`);
}
