import { type GraphNode, int, ints, type OnnxGraph, type TensorValue } from '@beltsight/sdk/onnx';
import { ranksOf } from './ranks.js';

const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];

/** Operators that ONNX defines on NCHW alone: a naive exporter of a channels-last framework turns around each of them. */
const IMAGE = new Set(['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool', 'InstanceNormalization']);
const ELEMENTWISE = new Set(
  'Add Sub Mul Div Max Min Pow Relu LeakyRelu Clip Sqrt Reciprocal Exp Sigmoid Neg Identity'.split(' '),
);

/**
 * The graph as a naive exporter would write it: every image is stored channels last, as tfjs and TensorFlow have it, with a
 * Transpose before and after each operator that wants channels first. Computes the same.
 */
export function channelsLast(graph: OnnxGraph): OnnxGraph {
  const ranks = ranksOf(graph);
  const isImage = (name: string) => ranks.get(name) === 4;
  const nodes: GraphNode[] = [];
  const initializers = new Map<string, TensorValue>(graph.initializers);
  const turn = (name: string, perm: readonly number[], output: string) => {
    nodes.push({
      opType: 'Transpose',
      domain: '',
      inputs: [name],
      outputs: [output],
      attributes: { perm: ints(perm) },
    });
    return output;
  };
  let count = 0;
  const first = (name: string) => (isImage(name) ? turn(last(name), TO_NCHW, `nchw_${count++}`) : name);
  /** The channels-last form of a value; constants get one of their own. */
  const last = (name: string) => {
    const constant = graph.initializers.get(name);
    if (!isImage(name)) return name;
    if (constant) initializers.set(`${name}.nhwc`, lastConstant(constant));
    return `${name}.nhwc`;
  };
  for (const { name } of graph.inputs) if (isImage(name)) turn(name, TO_NHWC, `${name}.nhwc`);
  for (const node of graph.nodes) {
    const [output = ''] = node.outputs;
    const layoutFree = node.inputs.every((name) => isImage(name) || ranks.get(name) === 0 || name === '');
    const reduced = node.opType.startsWith('Reduce') && isImage(output) && node.attributes.axes?.kind === 'ints';
    if (IMAGE.has(node.opType)) {
      const [image = '', ...parameters] = node.inputs;
      nodes.push({ ...node, inputs: [first(image), ...parameters], outputs: [`${output}.nchw`] });
      turn(`${output}.nchw`, TO_NHWC, `${output}.nhwc`);
    } else if (isImage(output) && ELEMENTWISE.has(node.opType) && layoutFree) {
      nodes.push({ ...node, inputs: node.inputs.map(last), outputs: [`${output}.nhwc`] });
    } else if (isImage(output) && node.opType === 'Concat') {
      nodes.push({ ...node, inputs: node.inputs.map(last), outputs: [`${output}.nhwc`], attributes: { axis: int(3) } });
    } else if (reduced && node.attributes.axes?.kind === 'ints') {
      const axes = ints(node.attributes.axes.value.map((axis) => TO_NHWC.indexOf(axis)));
      nodes.push({
        ...node,
        inputs: node.inputs.map(last),
        outputs: [`${output}.nhwc`],
        attributes: { ...node.attributes, axes },
      });
    } else if (isImage(output)) {
      nodes.push({
        ...node,
        inputs: node.inputs.map((name) => (graph.initializers.has(name) ? name : first(name))),
        outputs: [`${output}.nchw`],
      });
      turn(`${output}.nchw`, TO_NHWC, `${output}.nhwc`);
    } else {
      nodes.push({ ...node, inputs: node.inputs.map((name) => (graph.initializers.has(name) ? name : first(name))) });
    }
  }
  for (const { name } of graph.outputs) {
    if (isImage(name)) turn(`${name}.nhwc`, TO_NCHW, name);
  }
  return { ...graph, nodes, initializers };
}

function lastConstant({ type, dims, data }: TensorValue): TensorValue {
  const [n = 1, c = 1, h = 1, w = 1] = dims;
  const turned = new Float32Array(data.length);
  for (let i = 0; i < n; i++) {
    for (let channel = 0; channel < c; channel++) {
      for (let at = 0; at < h * w; at++)
        turned[(i * h * w + at) * c + channel] = Number(data[(i * c + channel) * h * w + at]);
    }
  }
  return { type, dims: [n, h, w, c], data: turned };
}
