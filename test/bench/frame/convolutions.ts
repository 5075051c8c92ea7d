import { GraphBuilder, type OnnxGraph, type ValueInfo } from '@beltsight/sdk/onnx';

/**
 * The convolutions of a graph and nothing else: each reads an input of its own, with the weights and shapes that it has in the
 * graph. What it takes to run them is the floor for the graph.
 * @param shapes dimensions of every value that a convolution reads
 */
export function convolutionsOf(graph: OnnxGraph, shapes: ReadonlyMap<string, readonly number[]>): OnnxGraph {
  const alone = new GraphBuilder('convolutions', graph.opsets);
  for (const node of graph.nodes) {
    if (node.opType !== 'Conv' && node.opType !== 'ConvTranspose') continue;
    const [image = '', ...parameters] = node.inputs;
    const [output = ''] = node.outputs;
    const dims = shapes.get(image);
    if (!dims) throw new RangeError(`The shape of "${image}" is not known.`);
    const inputs = [
      alone.input(`${output}.image`, 'float32', dims),
      ...parameters.map((name) => {
        const value = graph.initializers.get(name);
        if (!value) throw new RangeError(`"${name}" is no constant.`);
        return alone.initializer(value, `${output}.${name}`);
      }),
    ];
    alone.output(
      alone.node(node.opType, inputs, node.attributes),
      'float32',
      shapes.get(output) as number[],
      `${output}.result`,
    );
  }
  return alone.build();
}

/** A copy of the graph that gives back the images `names` as well; ONNX Runtime tells their dimensions. */
export function alsoGiving(graph: OnnxGraph, names: readonly string[]): OnnxGraph {
  const given = new Set(graph.outputs.map(({ name }) => name));
  const outputs: ValueInfo[] = names
    .filter((name) => !given.has(name))
    .map((name) => ({ name, type: 'float32', dims: ['n', 'c', 'h', 'w'] }));
  return { ...graph, outputs: [...graph.outputs, ...outputs] };
}
