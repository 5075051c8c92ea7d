import type { GraphNode, OnnxGraph, TensorValue } from '@beltsight/sdk/onnx';
import { eliminateDeadCode } from './dead-code.js';

/**
 * Folds constant factors and terms per channel behind a convolution (batch normalisation in evaluation, biases) into its
 * filter and bias, and reshapes of constants into constants. One pass over the graph; the result computes the same
 * but for rounding.
 */
export function foldAffine(graph: OnnxGraph): OnnxGraph {
  const folding = new Folding(graph);
  for (const node of graph.nodes) folding.visit(node);
  return eliminateDeadCode({ ...graph, nodes: folding.nodes, initializers: folding.initializers });
}

class Folding {
  readonly nodes: GraphNode[] = [];
  readonly initializers: Map<string, TensorValue>;
  readonly #uses = new Map<string, number>();
  /** Convolutions by the value they now produce: their place in `nodes`. */
  readonly #convolutions = new Map<string, number>();

  constructor(graph: OnnxGraph) {
    this.initializers = new Map(graph.initializers);
    const read = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map((output) => output.name)];
    for (const name of read) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  visit(node: GraphNode): void {
    if (this.#foldReshape(node) || this.#foldInto(node)) return;
    this.nodes.push(node);
    const filter = this.initializers.get(node.inputs[1] ?? '');
    if ((node.opType === 'Conv' || node.opType === 'ConvTranspose') && filter?.type === 'float32') {
      this.#convolutions.set(node.outputs[0] as string, this.nodes.length - 1);
    }
  }

  #foldReshape(node: GraphNode): boolean {
    if (node.opType !== 'Reshape') return false;
    const value = this.initializers.get(node.inputs[0] as string);
    const shape = this.initializers.get(node.inputs[1] as string);
    if (!value || !shape) return false;
    const dims = Array.from(shape.data as BigInt64Array, Number);
    if (dims.some((dim) => dim < 1)) return false;
    this.initializers.set(node.outputs[0] as string, { ...value, dims });
    return true;
  }

  /** Takes a Mul, Add or Sub with a constant into the convolution before it, where nothing else reads that one's output. */
  #foldInto(node: GraphNode): boolean {
    if (node.opType !== 'Mul' && node.opType !== 'Add' && node.opType !== 'Sub') return false;
    const side = node.inputs.findIndex((name) => this.#convolutions.has(name));
    const source = node.inputs[side];
    const constant = this.initializers.get(node.inputs[1 - side] ?? '');
    if (source === undefined || !constant || this.#uses.get(source) !== 1) return false;
    if (node.opType === 'Sub' && side === 1) return false;
    const at = this.#convolutions.get(source) as number;
    const conv = this.nodes[at] as GraphNode;
    const channels = outputChannels(conv, this.initializers.get(conv.inputs[1] as string) as TensorValue);
    const values = channels === undefined ? undefined : perChannel(constant, channels);
    if (!values) return false;
    const sign = node.opType === 'Sub' ? -1 : 1;
    this.nodes[at] = this.#updated(
      conv,
      node,
      node.opType === 'Mul',
      values.map((value) => value * sign),
    );
    this.#convolutions.delete(source);
    this.#convolutions.set(node.outputs[0] as string, at);
    return true;
  }

  #updated(conv: GraphNode, node: GraphNode, scales: boolean, values: Float32Array): GraphNode {
    const name = node.outputs[0] as string;
    const [input = '', filterName = '', biasName] = conv.inputs;
    const filter = this.initializers.get(filterName) as TensorValue;
    const bias = (biasName ? this.initializers.get(biasName)?.data : undefined) as Float32Array | undefined;
    const oldBias = bias ?? new Float32Array(values.length);
    const newBias = oldBias.map((value, i) => (scales ? value * (values[i] as number) : value + (values[i] as number)));
    const inputs = [input, filterName, `${name}.bias`];
    this.initializers.set(`${name}.bias`, { type: 'float32', dims: [values.length], data: newBias });
    if (scales) {
      inputs[1] = `${name}.weight`;
      this.initializers.set(`${name}.weight`, scaled(filter, values, conv.opType === 'ConvTranspose'));
    }
    return { ...conv, inputs, outputs: [name] };
  }
}

/** Conv filters are (O,I/group,kh,kw), ConvTranspose ones (I,O/group,kh,kw); grouped transposed ones are left alone. */
function outputChannels(conv: GraphNode, { dims }: TensorValue): number | undefined {
  if (conv.opType === 'Conv') return dims[0];
  const group = conv.attributes.group;
  return group?.kind === 'int' && group.value !== 1 ? undefined : dims[1];
}

/** A constant as one number a channel, if it is a scalar or varies along axis 1 of [N,C,H,W] alone. */
function perChannel({ type, dims, data }: TensorValue, channels: number): Float32Array | undefined {
  if (type !== 'float32') return undefined;
  if (data.length === 1) return new Float32Array(channels).fill(data[0] as number);
  const axis = dims.length - 3;
  const alone = dims.every((dim, i) => dim === 1 || i === axis);
  return alone && axis >= 0 && dims[axis] === channels ? (data as Float32Array) : undefined;
}

function scaled(filter: TensorValue, factors: Float32Array, transposed: boolean): TensorValue {
  const [first = 1, second = 1, ...window] = filter.dims;
  const taps = window.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from(filter.data as Float32Array, (value, i) => {
    const channel = transposed ? Math.floor(i / taps) % second : Math.floor(i / (taps * second));
    return value * (factors[channel] as number);
  });
  return { ...filter, dims: [first, second, ...window], data };
}
