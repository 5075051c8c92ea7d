import { BeltsightError } from '../errors.js';
import type { Attributes, GraphNode, OnnxGraph, ValueInfo } from './graph.js';
import type { ElementType, TensorValue } from './tensor.js';

/** The operator set every Beltsight graph targets unless told otherwise (TensorRT 10 parses up to 20). */
export const DEFAULT_OPSET = 17;

/**
 * Builds an ONNX graph node by node. Values are referred to by name; names given by the builder are
 * unique. Nodes must be added in topological order, which `build` checks.
 *
 * @example
 * const g = new GraphBuilder('double');
 * const x = g.input('x', 'float32', [1, 3]);
 * g.output(g.node('Add', [x, x]), 'float32', [1, 3], 'y');
 * const bytes = encodeModel(g.build());
 */
export class GraphBuilder {
  readonly #nodes: GraphNode[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #initializers = new Map<string, TensorValue>();
  readonly #names = new Set<string>();

  constructor(
    readonly name: string,
    readonly opsets: Readonly<Record<string, number>> = { '': DEFAULT_OPSET },
  ) {}

  /** Declares a graph input and returns its name. */
  input(name: string, type: ElementType, dims: readonly (number | string)[]): string {
    this.#inputs.push({ name: this.#claim(name), type, dims });
    return name;
  }

  /** Adds a constant and returns its name: `hint` itself if it is free, a numbered variant if not. */
  initializer(value: TensorValue, hint = 'const'): string {
    const name = this.#unique(hint);
    this.#initializers.set(name, value);
    return name;
  }

  /** Adds a node with one output and returns the output's name. */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.nodes(opType, inputs, attributes, 1, domain)[0] as string;
  }

  /** Adds a node with `count` outputs and returns their names. */
  nodes(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes,
    count: number,
    domain = '',
  ): readonly string[] {
    const outputs = Array.from({ length: count }, () => this.#unique(opType));
    this.#nodes.push({ opType, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** Declares `value` as the graph output `name`. */
  output(value: string, type: ElementType, dims: readonly (number | string)[], name: string): void {
    this.#claim(name);
    this.#nodes.push({ opType: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type, dims });
  }

  /**
   * The finished graph.
   * @throws BeltsightError GRAPH_INVALID if a node reads a value that nothing before it defines.
   */
  build(metadata: Readonly<Record<string, string>> = {}): OnnxGraph {
    const known = new Set<string>([...this.#inputs.map((i) => i.name), ...this.#initializers.keys()]);
    for (const node of this.#nodes) {
      const missing = node.inputs.find((input) => input !== '' && !known.has(input));
      if (missing !== undefined) {
        throw new BeltsightError(
          'GRAPH_INVALID',
          `Graph "${this.name}": ${node.opType} reads "${missing}", which no earlier node defines.`,
        );
      }
      for (const output of node.outputs) known.add(output);
    }
    return {
      name: this.name,
      opsets: this.opsets,
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      initializers: new Map(this.#initializers),
      nodes: [...this.#nodes],
      metadata,
    };
  }

  #unique(hint: string): string {
    if (!this.#names.has(hint)) return this.#claim(hint);
    let suffix = this.#names.size;
    while (this.#names.has(`${hint}_${suffix}`)) suffix++;
    return this.#claim(`${hint}_${suffix}`);
  }

  #claim(name: string): string {
    if (this.#names.has(name)) {
      throw new BeltsightError('GRAPH_INVALID', `Graph "${this.name}": the value name "${name}" is taken.`);
    }
    this.#names.add(name);
    return name;
  }
}
