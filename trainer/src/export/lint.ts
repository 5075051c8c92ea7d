import { BeltsightError } from '@beltsight/sdk';
import type { OnnxGraph } from '@beltsight/sdk/onnx';

/**
 * Operators that TensorRT's ONNX parser supports, of those an exported graph could hold.
 * Source: onnx-tensorrt, docs/operators.md of release 10.x ("Supported ONNX Operators"), opset up to 20. Operators that
 * are supported with restrictions stand here only if an export keeps to them: float32 data, constant shapes, axes and pads.
 */
const SUPPORTED: ReadonlySet<string> = new Set([
  'Abs',
  'Add',
  'AveragePool',
  'BatchNormalization',
  'Cast',
  'Ceil',
  'Clip',
  'Concat',
  'Conv',
  'ConvTranspose',
  'Div',
  'Exp',
  'Expand',
  'Flatten',
  'Floor',
  'Gather',
  'Gemm',
  'GlobalAveragePool',
  'Identity',
  'InstanceNormalization',
  'LeakyRelu',
  'Log',
  'MatMul',
  'Max',
  'MaxPool',
  'Min',
  'Mul',
  'Neg',
  'Pad',
  'Pow',
  'Reciprocal',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceSum',
  'Relu',
  'Reshape',
  'Resize',
  'Sigmoid',
  'Slice',
  'Softmax',
  'Split',
  'Sqrt',
  'Squeeze',
  'Sub',
  'Tanh',
  'Transpose',
  'Unsqueeze',
  'Where',
]);

/** The newest operator set that the parser takes. */
const MAX_OPSET = 20;

/**
 * Checks that TensorRT can parse a graph.
 * @throws BeltsightError GRAPH_INVALID naming every operator, domain or shape it could not
 */
export function lintForTensorRt(graph: OnnxGraph): void {
  const problems = new Set<string>();
  const opset = graph.opsets[''] ?? 0;
  if (opset > MAX_OPSET) problems.add(`operator set ${opset} is newer than ${MAX_OPSET}`);
  for (const node of graph.nodes) {
    if (node.domain !== '') problems.add(`operator ${node.domain}.${node.opType} is not ONNX's own`);
    else if (!SUPPORTED.has(node.opType)) problems.add(`operator ${node.opType} is not supported`);
  }
  for (const { name, dims, type } of [...graph.inputs, ...graph.outputs]) {
    if (dims.some((dim) => typeof dim !== 'number')) problems.add(`"${name}" has a symbolic shape [${dims}]`);
    if (type !== 'float32') problems.add(`"${name}" is ${type}, not float32`);
  }
  for (const [name, { type }] of graph.initializers) {
    if (type === 'float64') problems.add(`constant "${name}" is float64`);
  }
  if (problems.size === 0) return;
  throw new BeltsightError(
    'GRAPH_INVALID',
    `TensorRT cannot parse the graph:\n${[...problems].map((p) => `  - ${p}`).join('\n')}`,
  );
}
