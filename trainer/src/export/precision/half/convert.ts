import { ELEMENTS, type GraphNode, int, type OnnxGraph, type TensorValue } from '@beltsight/sdk/onnx';
import { eliminateDeadCode } from '../../../graph/passes/dead-code.js';
import { halvesOf } from './float16.js';

/** A graph of mixed precision. */
export interface HalfGraph {
  readonly graph: OnnxGraph;
  /** Operators that compute in half precision. */
  readonly operators: number;
  /** Constants with elements out of the range of half precision: how many became its largest number, how many zero. */
  readonly outOfRange: readonly { readonly constant: string; readonly saturated: number; readonly vanished: number }[];
}

/** These hold nearly all arithmetic and weights, and sum products of bounded size: they always compute in half precision. */
const WEIGHTED: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose']);
/** These compute in half precision where all their data comes in it: converting back and forth would cost more than they do. */
const FOLLOWERS: ReadonlySet<string> = new Set(['Add', 'Clip', 'Concat', 'LeakyRelu', 'MaxPool', 'Relu']);

/**
 * Converts convolutions, what directly follows them, and their weights to half precision. All that is sensitive to few bits stays in
 * single precision: normalisation of the picture and instance normalisation (differences of close numbers), cosines (sums of hundreds
 * of squares overflow), other reductions, resizing and smoothing to the score. Inputs and outputs of the graph keep their type;
 * a value is cast once, where it crosses the border.
 * @param keep operators that stay in single precision, by the name of their output
 */
export function toHalf(graph: OnnxGraph, keep: ReadonlySet<string> = new Set()): HalfGraph {
  const conversion = new Conversion(graph, keep);
  for (const node of graph.nodes) conversion.visit(node);
  const { nodes, initializers, operators, outOfRange } = conversion;
  return { graph: eliminateDeadCode({ ...graph, nodes, initializers }), operators, outOfRange };
}

/** Names of the values that {@link toHalf} would hold in half precision. */
export function halfValues(graph: OnnxGraph): Set<string> {
  const half = new Set<string>();
  for (const node of graph.nodes) {
    if (computesInHalf(node, half, graph.initializers)) for (const name of node.outputs) half.add(name);
  }
  return half;
}

function computesInHalf(
  { opType, inputs }: GraphNode,
  half: ReadonlySet<string>,
  constants: ReadonlyMap<string, unknown>,
): boolean {
  if (WEIGHTED.has(opType)) return true;
  const data = inputs.filter((name) => name !== '' && !constants.has(name));
  return FOLLOWERS.has(opType) && data.length > 0 && data.every((name) => half.has(name));
}

class Conversion {
  readonly nodes: GraphNode[] = [];
  readonly initializers: Map<string, TensorValue>;
  readonly outOfRange: { constant: string; saturated: number; vanished: number }[] = [];
  operators = 0;
  /** Values that are of half precision under their own name. */
  readonly #half = new Set<string>();
  readonly #cast = new Set<string>();
  readonly #outputs: ReadonlySet<string>;

  constructor(
    graph: OnnxGraph,
    private readonly keep: ReadonlySet<string>,
  ) {
    this.initializers = new Map(graph.initializers);
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
  }

  visit(node: GraphNode): void {
    const kept = node.outputs.some((name) => this.keep.has(name));
    if (kept || !computesInHalf(node, this.#half, this.initializers)) {
      this.nodes.push({
        ...node,
        inputs: node.inputs.map((name) => (this.#half.has(name) ? this.#float(name) : name)),
      });
      return;
    }
    this.operators++;
    const inputs = node.inputs.map((name) => (name === '' || this.#half.has(name) ? name : this.#halfOf(name)));
    // An output of the graph keeps its name and type: the operator writes beside it.
    const outputs = node.outputs.map((name) => (this.#outputs.has(name) ? halfName(name) : name));
    this.nodes.push({ ...node, inputs, outputs });
    for (const [i, name] of node.outputs.entries()) {
      if (this.#outputs.has(name)) {
        this.#cast.add(halfName(name));
        this.nodes.push(cast(outputs[i] as string, name, 'float32'));
      } else this.#half.add(name);
    }
  }

  #float(name: string): string {
    const target = `${name}.float`;
    if (!this.#cast.has(target)) this.nodes.push(cast(name, target, 'float32'));
    this.#cast.add(target);
    return target;
  }

  #halfOf(name: string): string {
    const target = halfName(name);
    if (this.#cast.has(target)) return target;
    this.#cast.add(target);
    const constant = this.initializers.get(name);
    if (!constant) this.nodes.push(cast(name, target, 'float16'));
    else {
      const { bits, saturated, vanished } = halvesOf(constant.data as Float32Array);
      this.initializers.set(target, { type: 'float16', dims: constant.dims, data: bits });
      if (saturated + vanished > 0) this.outOfRange.push({ constant: name, saturated, vanished });
    }
    return target;
  }
}

const halfName = (name: string) => `${name}.half`;

function cast(from: string, to: string, type: 'float16' | 'float32'): GraphNode {
  return { opType: 'Cast', domain: '', inputs: [from], outputs: [to], attributes: { to: int(ELEMENTS[type].code) } };
}
