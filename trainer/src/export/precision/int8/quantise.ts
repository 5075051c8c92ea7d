import { float32, type GraphNode, int, type OnnxGraph, type TensorValue } from '@beltsight/sdk/onnx';
import { eliminateDeadCode } from '../../../graph/passes/dead-code.js';
import type { Layer } from './layers.js';

/** Largest magnitude of a symmetric 8-bit integer; -128 stays unused, so that the range has its centre at zero. */
const LEVELS = 127;
/** Smallest scale: a tensor of zeros quantises to zeros, and TensorRT wants scales above zero. */
const SMALLEST_SCALE = 2 ** -100;
/**
 * Largest bias in steps of the products that it is added to. ONNX Runtime's 8-bit kernels hold it so in an int32: a channel that is all
 * bias, with weights of 1e-30 (the teacher has some), would lose it.
 */
const BIAS_STEPS = 2 ** 30;

/** Largest magnitude of each value that a quantised layer reads, by its name: what lies beyond is clipped. */
export type Ranges = ReadonlyMap<string, number>;

/**
 * Quantises layers explicitly: QuantizeLinear and DequantizeLinear around what they read, their filters as int8 with a scale for
 * every output channel. Symmetric throughout (zero points are zero), as TensorRT demands; biases and sums stay in float32. A value that several quantised
 * layers read is quantised once; others go on reading it as it is.
 */
export function quantise(graph: OnnxGraph, layers: readonly Layer[], ranges: Ranges): OnnxGraph {
  const quantised = new Map(layers.map((layer) => [layer.name, layer] as const));
  const initializers = new Map(graph.initializers);
  const nodes: GraphNode[] = [];
  const made = new Set<string>();
  const once = (name: string, make: () => void) => {
    if (!made.has(name)) make();
    made.add(name);
    return name;
  };
  const scaleOf = (value: string) => Math.max((ranges.get(value) ?? 0) / LEVELS, SMALLEST_SCALE);
  const pair = (value: string) =>
    once(`${value}.dequantized`, () => {
      const [scale, zero] = [`${value}.scale`, `${value}.zero`];
      initializers.set(scale, float32([], [scaleOf(value)]));
      initializers.set(zero, { type: 'int8', dims: [], data: new Int8Array(1) });
      nodes.push(
        plain('QuantizeLinear', [value, scale, zero], `${value}.quantized`),
        plain('DequantizeLinear', [`${value}.quantized`, scale, zero], `${value}.dequantized`),
      );
    });
  const weights = ({ filter, input, bias }: Layer) =>
    once(`${filter}.dequantized`, () => {
      const biases = bias === undefined ? undefined : graph.initializers.get(bias);
      const smallest = (channel: number) =>
        Math.abs(Number(biases?.data[channel] ?? 0)) / (scaleOf(input) * BIAS_STEPS);
      const { values, scales } = quantiseFilter(graph.initializers.get(filter) as TensorValue, smallest);
      const names = [`${filter}.int8`, `${filter}.scale`, `${filter}.zero`] as const;
      initializers.set(names[0], values);
      initializers.set(names[1], float32([scales.length], scales));
      initializers.set(names[2], { type: 'int8', dims: [scales.length], data: new Int8Array(scales.length) });
      nodes.push({ ...plain('DequantizeLinear', names, `${filter}.dequantized`), attributes: { axis: int(0) } });
    });
  for (const node of graph.nodes) {
    const layer = quantised.get(node.outputs[0] ?? '');
    if (!layer) nodes.push(node);
    else nodes.push({ ...node, inputs: [pair(layer.input), weights(layer), ...node.inputs.slice(2)] });
  }
  return eliminateDeadCode({ ...graph, nodes, initializers });
}

function plain(opType: string, inputs: readonly string[], output: string): GraphNode {
  return { opType, domain: '', inputs, outputs: [output], attributes: {} };
}

/**
 * A filter [O,I,kh,kw] as int8 with one scale for each of its O output channels: the channel's largest magnitude becomes 127.
 * @param smallest least scale of a channel
 */
export function quantiseFilter(
  { dims, data }: TensorValue,
  smallest: (channel: number) => number = () => 0,
): { values: TensorValue; scales: Float32Array } {
  const channels = dims[0] as number;
  const size = data.length / channels;
  const values = new Int8Array(data.length);
  const scales = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const from = channel * size;
    let largest = 0;
    for (let i = from; i < from + size; i++) largest = Math.max(largest, Math.abs(data[i] as number));
    const scale = Math.fround(Math.max(largest / LEVELS, smallest(channel), SMALLEST_SCALE));
    scales[channel] = scale;
    for (let i = from; i < from + size; i++) {
      values[i] = Math.max(-LEVELS, Math.min(LEVELS, Math.round((data[i] as number) / scale)));
    }
  }
  return { values: { type: 'int8', dims, data: values }, scales };
}
