import { type ElementType, elementTypeOf, type GraphNode, type OnnxGraph } from '@beltsight/sdk/onnx';

const TRUTHS: ReadonlySet<string> = new Set([
  'And',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'Not',
  'Or',
  'Xor',
]);
const INDICES: ReadonlySet<string> = new Set(['ArgMax', 'ArgMin', 'NonZero', 'Shape', 'Size']);

/** The element type of every value of a graph by its name, after the type rules of ONNX's operators. */
export function elementTypes(graph: OnnxGraph): Map<string, ElementType> {
  const types = new Map<string, ElementType>();
  for (const { name, type } of graph.inputs) types.set(name, type);
  for (const [name, { type }] of graph.initializers) types.set(name, type);
  for (const node of graph.nodes) {
    const type = resultType(node, (place) => types.get(node.inputs[place] ?? ''));
    for (const output of node.outputs) types.set(output, type);
  }
  return types;
}

function resultType(
  { opType, attributes }: GraphNode,
  typeOf: (place: number) => ElementType | undefined,
): ElementType {
  if (TRUTHS.has(opType)) return 'bool';
  if (INDICES.has(opType)) return 'int64';
  const { to, value } = attributes;
  switch (opType) {
    case 'Cast':
      return (to?.kind === 'int' ? elementTypeOf(to.value) : undefined) ?? 'float32';
    case 'QuantizeLinear':
      // Without a zero point the result is unsigned.
      return typeOf(2) ?? 'uint8';
    case 'DequantizeLinear':
    case 'Where':
      return typeOf(1) ?? 'float32';
    case 'Constant':
    case 'ConstantOfShape':
      return value?.kind === 'tensor' ? value.value.type : 'float32';
    default:
      return typeOf(0) ?? 'float32';
  }
}
