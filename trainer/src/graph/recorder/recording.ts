import { BeltsightError } from '@beltsight/sdk';
import {
  type Attribute,
  DEFAULT_OPSET,
  GraphBuilder,
  int64,
  ints,
  type OnnxGraph,
  type TensorData,
  type TensorValue,
} from '@beltsight/sdk/onnx';
import { identity, lift, type Order, physical, sameList, sameStorage } from './layout.js';
import { type Dtype, expandConstant, permuteConstant, size, symbolic, typed, type Value } from './value.js';

/**
 * Where a recorded graph will run: in ONNX Runtime on the processor or on a GPU by CUDA (`training`, `training-cuda`), or anywhere
 * (`inference`), with operators that every target parses.
 */
export type Target = 'training' | 'training-cuda' | 'inference';

/** The first with Col2Im, and with the axes of every reduction as an input. */
const TRAINING_OPSET = 18;

/** Constants of more elements than this are expanded when the graph runs, to keep the file small. */
const LARGEST_EXPANDED_CONSTANT = 65_536;

type NodeAttributes = Readonly<Record<string, Attribute>>;

/**
 * One recording: collects the nodes that kernels emit. Equal nodes and equal constants are emitted once.
 * Values keep the physical order that their producer liked; {@link Recording.form} makes another where it is needed.
 */
export class Recording {
  readonly #graph: GraphBuilder;
  readonly #emitted = new Map<string, readonly string[]>();
  readonly #constants = new Map<string, string>();
  readonly #constantForms = new WeakMap<Value, Map<string, string>>();

  constructor(
    name: string,
    readonly target: Target,
  ) {
    const opsets = this.training ? { '': TRAINING_OPSET, 'com.microsoft': 1 } : { '': DEFAULT_OPSET };
    this.#graph = new GraphBuilder(name, opsets);
  }

  /** Whether ONNX Runtime will run the graph, whose own operators it may use. */
  get training(): boolean {
    return this.target !== 'inference';
  }

  /** Declares a graph input of `shape`; a uint8 input is seen as float32 by what follows. */
  input(name: string, dtype: Dtype | 'uint8', shape: readonly number[]): Value {
    this.#graph.input(name, dtype, shape);
    if (dtype !== 'uint8') return symbolic(dtype, shape, name);
    return symbolic('float32', shape, this.emit('Cast', [name], { to: { kind: 'int', value: 1 } }));
  }

  /** Declares `value`, written out in row-major order, as the graph output `name`. */
  output(name: string, value: Value): void {
    const dense = this.dense(value);
    this.#graph.output(this.form(dense, identity(value.shape.length)), value.dtype, value.shape, name);
  }

  /** Adds a node with one output and returns its name. */
  emit(opType: string, inputs: readonly string[], attributes: NodeAttributes = {}, domain = ''): string {
    return this.emitAll(opType, inputs, attributes, 1, domain)[0] as string;
  }

  /** Adds a node with `count` outputs and returns their names. */
  emitAll(
    opType: string,
    inputs: readonly string[],
    attributes: NodeAttributes,
    count: number,
    domain = '',
  ): readonly string[] {
    const key = keyOf(opType, inputs, attributes, count, domain);
    const known = this.#emitted.get(key);
    if (known) return known;
    const names = this.#graph.nodes(opType, inputs, attributes, count, domain);
    this.#emitted.set(key, names);
    return names;
  }

  /** The output of a node without attributes that was added before; undefined where there is none. */
  emitted(opType: string, inputs: readonly string[]): string | undefined {
    return this.#emitted.get(keyOf(opType, inputs, {}, 1, ''))?.[0];
  }

  /** The name of an initializer with these elements. */
  initializer(value: TensorValue): string {
    // Small constants (axes, shapes, scalars) repeat by the hundred; large ones are shared by their Value.
    const key = value.data.length <= 64 ? `${value.type}[${value.dims.join()}]${value.data.join()}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.#graph.initializer(value);
    if (key !== undefined) this.#constants.set(key, name);
    return name;
  }

  /** A one-dimensional int64 initializer: axes, shapes, starts, pads. */
  ints(values: readonly number[]): string {
    return this.initializer(int64(values));
  }

  /** A scalar initializer. */
  scalar(dtype: Dtype, element: number): string {
    return this.initializer({ type: dtype, dims: [], data: typed(dtype, [element]) as TensorData });
  }

  /** The ONNX name under which `value` is stored in `order` (its extent, permuted). */
  form(value: Value, order: Order): string {
    if (value.constant) return this.#constantForm(value, order);
    const known = value.forms.find((form) => sameList(form.order, order));
    if (known) return known.name;
    const dims = physical(value.extent, order);
    const alike = value.forms.find((form) => sameStorage(form.order, order, value.extent));
    const name = alike
      ? this.reshape(alike.name, physical(value.extent, alike.order), dims)
      : this.#transpose(value, order);
    value.forms.push({ order, name });
    return name;
  }

  /** Reshapes the ONNX value `name` from `from` to `to`; nothing is emitted where they are equal. */
  reshape(name: string, from: readonly number[], to: readonly number[]): string {
    if (sameList(from, to)) return name;
    if (size(from) !== size(to)) {
      throw new BeltsightError('GRAPH_INVALID', `A reshape from [${from}] to [${to}] changes the number of elements.`);
    }
    return this.emit('Reshape', [name, this.ints(to)]);
  }

  /** The physical orders `value` can be read in for free; any order for a constant. */
  orders(value: Value): readonly Order[] {
    return value.constant ? [identity(value.shape.length)] : value.forms.map((form) => form.order);
  }

  /** `value` with pending broadcasts written out. */
  dense(value: Value): Value {
    if (sameList(value.shape, value.extent)) return value;
    if (value.constant && size(value.shape) <= LARGEST_EXPANDED_CONSTANT) {
      return { ...value, extent: value.shape, constant: expandConstant(value) };
    }
    const order = this.orders(value)[0] as Order;
    const dims = physical(value.shape, order);
    const name = this.emit('Expand', [this.form(value, order), this.ints(dims)]);
    return symbolic(value.dtype, value.shape, name, order);
  }

  /** `value` seen with shape `shape` by broadcasting; no data moves. */
  broadcast(value: Value, shape: readonly number[]): Value {
    const added = shape.length - value.shape.length;
    const extent = [...identity(added).map(() => 1), ...value.extent];
    if (value.constant) return { dtype: value.dtype, shape, extent, forms: [], constant: value.constant };
    const forms = value.forms.map((form) => {
      const order = lift(form.order, added);
      const name = this.reshape(form.name, physical(value.extent, form.order), physical(extent, order));
      return { order, name };
    });
    return { dtype: value.dtype, shape, extent, forms };
  }

  build(metadata: Readonly<Record<string, string>>): OnnxGraph {
    return this.#graph.build(metadata);
  }

  #transpose(value: Value, order: Order): string {
    const from = value.forms[0] as { order: Order; name: string };
    return this.emit('Transpose', [from.name], { perm: ints(order.map((axis) => from.order.indexOf(axis))) });
  }

  #constantForm(value: Value, order: Order): string {
    const forms = this.#constantForms.get(value) ?? new Map<string, string>();
    this.#constantForms.set(value, forms);
    const key = order.join();
    const known = forms.get(key);
    if (known !== undefined) return known;
    const name = this.initializer({
      type: value.dtype,
      dims: physical(value.extent, order),
      data: permuteConstant(value, order) as TensorData,
    });
    forms.set(key, name);
    return name;
  }
}

/** What two nodes have in common if they compute the same. */
function keyOf(
  opType: string,
  inputs: readonly string[],
  attributes: NodeAttributes,
  count: number,
  domain: string,
): string {
  return `${domain}:${opType}:${count}(${inputs.join()})${JSON.stringify(attributes)}`;
}
