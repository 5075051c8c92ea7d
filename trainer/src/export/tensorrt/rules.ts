import type { Attribute, ElementType, GraphNode, OnnxGraph } from '@beltsight/sdk/onnx';
import { elementTypes } from './element-types.js';
import { DYNAMIC, OPERANDS, OPERATORS, OPSETS, TYPED_BY } from './operators.js';

/** Something that TensorRT could not parse, or would run badly. */
export interface Finding {
  /** Name of the node, which is that of its first output, or of the graph's input or output. */
  readonly node: string;
  readonly operator: string;
  readonly problem: string;
  /** What whoever changes the model or the exporter should do. */
  readonly remedy: string;
}

/** All findings in a graph that is to be parsed by TensorRT; none in a good one. */
export function findings(graph: OnnxGraph): Finding[] {
  const types = elementTypes(graph);
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const readers = new Map<string, GraphNode[]>();
  for (const node of graph.nodes)
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  const subject: Subject = { graph, types, producers, readers };
  const ofNodes = graph.nodes.flatMap((node) =>
    NODE_RULES.flatMap((rule) =>
      rule(node, subject).map((found) => ({ node: node.outputs[0] ?? '', operator: operatorOf(node), ...found })),
    ),
  );
  return [...opset(graph), ...interfaces(graph), ...ofNodes];
}

interface Subject {
  readonly graph: OnnxGraph;
  readonly types: ReadonlyMap<string, ElementType>;
  readonly producers: ReadonlyMap<string, GraphNode>;
  readonly readers: ReadonlyMap<string, readonly GraphNode[]>;
}

type Verdict = Pick<Finding, 'problem' | 'remedy'>;
type NodeRule = (node: GraphNode, subject: Subject) => Verdict[];

const operatorOf = ({ domain, opType }: GraphNode) => (domain === '' ? opType : `${domain}.${opType}`);

function opset({ name, opsets }: OnnxGraph): Finding[] {
  const version = opsets[''] ?? 0;
  if (version >= OPSETS.oldest && version <= OPSETS.newest) return [];
  const problem = `operator set ${version} is outside of ${OPSETS.oldest} to ${OPSETS.newest}`;
  return [{ node: name, operator: 'graph', problem, remedy: 'record the graph with the default operator set' }];
}

/** The contract of the model file: float32 of static shape goes in and comes out. */
function interfaces({ inputs, outputs }: OnnxGraph): Finding[] {
  const check = (operator: 'input' | 'output') => (value: OnnxGraph['inputs'][number]) => {
    const { name, dims, type } = value;
    const found: Finding[] = [];
    if (dims.some((dim) => typeof dim !== 'number')) {
      const problem = `has the symbolic shape [${dims}]`;
      found.push({ node: name, operator, problem, remedy: 'give every dimension a number' });
    }
    if (type !== 'float32')
      found.push({ node: name, operator, problem: `is ${type}`, remedy: 'convert to float32 inside the graph' });
    return found;
  };
  return [...inputs.flatMap(check('input')), ...outputs.flatMap(check('output'))];
}

const supportedOperator: NodeRule = (node) => {
  const remedy = 'record it with operators of trainer/src/export/tensorrt/operators.ts';
  if (node.domain !== '') return [{ problem: "is not one of ONNX's own operators", remedy }];
  return OPERATORS.has(node.opType) ? [] : [{ problem: 'is not supported by the parser', remedy }];
};

const supportedTypes: NodeRule = (node, { types }) => {
  const allowed = OPERATORS.get(node.opType);
  if (!allowed) return [];
  const operands = OPERANDS.get(node.opType) ?? [];
  const places = TYPED_BY.get(node.opType) ?? node.inputs.map((_, place) => place);
  return places
    .filter((place) => !operands.includes(place))
    .flatMap((place) => {
      const name = node.inputs[place] ?? '';
      const type = types.get(name);
      // Whole numbers of 64 bits have a rule of their own, which knows the remedy.
      if (type === undefined || type === 'int64' || allowed.includes(type)) return [];
      return [{ problem: `reads "${name}", which is ${type}`, remedy: `cast it to one of ${allowed.join(', ')}` }];
    });
};

const staticShapes: NodeRule = (node, { graph }) => {
  if (DYNAMIC.has(node.opType))
    return [{ problem: 'depends on data or on a shape at run time', remedy: 'compute it while recording' }];
  return (OPERANDS.get(node.opType) ?? []).flatMap((place) => {
    const name = node.inputs[place] ?? '';
    if (name === '' || graph.initializers.has(name)) return [];
    return [{ problem: `takes its shape or axes from "${name}", which is computed`, remedy: 'make it a constant' }];
  });
};

const noInt64: NodeRule = (node, { types }) => {
  const operands = OPERANDS.get(node.opType) ?? [];
  const read = node.inputs.filter((name, place) => !operands.includes(place) && types.get(name) === 'int64');
  const written = node.opType === 'Cast' ? node.outputs.filter((name) => types.get(name) === 'int64') : [];
  return [...read, ...written].map((name) => ({
    problem: `computes with "${name}", which is int64`,
    remedy: 'use int32 or float32: 64-bit integers are for constant shapes and axes alone',
  }));
};

const noTranspose: NodeRule = (node, { graph, producers, readers }) => {
  if (node.opType !== 'Transpose') return [];
  const [source = ''] = node.inputs;
  const perm = integers(node.attributes.perm);
  const before = producers.get(source);
  const after = readers.get(node.outputs[0] ?? '') ?? [];
  const undoes = before !== undefined && cancels(before, node);
  const undone = after.length > 0 && after.every((reader) => cancels(node, reader));
  // Constants, identities and pairs that cancel out are what converters remove by themselves.
  if (graph.initializers.has(source) || (perm.length > 0 && isIdentity(perm)) || undoes || undone) return [];
  return [
    {
      problem: `moves all of "${source}" through memory (axes ${perm.length > 0 ? perm : 'reversed'})`,
      remedy: 'let the operators around it read the other layout, or multiply matrices from the other side',
    },
  ];
};

function cancels(first: GraphNode, second: GraphNode): boolean {
  if (first.opType !== 'Transpose' || second.opType !== 'Transpose') return false;
  const order = integers(first.attributes.perm);
  return order.length > 0 && isIdentity(integers(second.attributes.perm).map((axis) => order[axis]));
}

/** Restrictions of the support matrix on operators that an export may hold. */
const restrictions: NodeRule = (node, { graph }) => {
  const { opType, attributes } = node;
  if (opType === 'AveragePool' || opType === 'MaxPool') {
    const window = integers(attributes.kernel_shape).length;
    const found: Verdict[] = [];
    if (integers(attributes.dilations).some((step) => step !== 1))
      found.push({ problem: 'has dilations', remedy: 'pool without them' });
    if (window !== 2 && window !== 3)
      found.push({ problem: `pools over ${window} dimensions`, remedy: 'pool over 2 or 3' });
    if (node.outputs.length > 1) found.push({ problem: 'gives indices', remedy: 'leave its second output out' });
    return found;
  }
  if (opType === 'QuantizeLinear' || opType === 'DequantizeLinear') {
    const zero = graph.initializers.get(node.inputs[2] ?? '');
    const symmetric = zero ? zero.data.every((value) => Number(value) === 0) : opType === 'DequantizeLinear';
    return symmetric
      ? []
      : [{ problem: 'has a zero point that is not zero', remedy: 'quantise symmetrically to int8' }];
  }
  if (opType === 'Resize') {
    const mode = attributes.mode?.kind === 'string' ? attributes.mode.value : 'nearest';
    return mode === 'nearest' || mode === 'linear'
      ? []
      : [{ problem: `interpolates by ${mode}`, remedy: 'use nearest or linear' }];
  }
  return [];
};

const NODE_RULES: readonly NodeRule[] = [
  supportedOperator,
  supportedTypes,
  staticShapes,
  noInt64,
  noTranspose,
  restrictions,
];

const integers = (attribute: Attribute | undefined): readonly number[] =>
  attribute?.kind === 'ints' ? attribute.value : [];

const isIdentity = (order: readonly (number | undefined)[]) => order.every((axis, i) => axis === i);
