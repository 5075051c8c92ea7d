import { int64, type OnnxGraph } from '@beltsight/sdk/onnx';
import { GraphSession } from '../../graph/session.js';
import { fillImage } from '../scoring.js';

/** Hears the elements of a value inside the graph, for one image. */
export type Observe = (value: string, elements: Float32Array) => void;

/**
 * Runs a model file's graph on images and shows what flows through it.
 * @param values names of float32 values to show: inputs or results of its operators
 * @param images 8-bit RGB [S,S,3]
 */
export async function observe(
  graph: OnnxGraph,
  values: ReadonlySet<string>,
  images: Iterable<Uint8Array>,
  visit: Observe,
): Promise<void> {
  const [batch, channels, height, width] = (graph.inputs[0]?.dims ?? []) as [number, number, number, number];
  const session = await GraphSession.open(withOutputs(graph, values));
  try {
    const image = new Float32Array(channels * height * width);
    const input = new Float32Array(batch * image.length);
    for (const pixels of images) {
      // Every place of the batch shows the same image: an empty one would count as a black picture.
      fillImage(image, pixels);
      for (let i = 0; i < batch; i++) input.set(image, i * image.length);
      const results = await session.run({ image: input });
      for (const value of values) visit(value, results[flatName(value)]?.data as Float32Array);
    }
  } finally {
    await session.close();
  }
}

const flatName = (value: string) => `${value}.observed`;

/** The graph with values inside it as further outputs, flattened: their shapes are not known without inferring them. */
function withOutputs(graph: OnnxGraph, values: ReadonlySet<string>): OnnxGraph {
  const shape = 'observed.shape';
  return {
    ...graph,
    initializers: new Map([...graph.initializers, [shape, int64([-1])]]),
    nodes: [
      ...graph.nodes,
      ...[...values].map((value) => {
        return { opType: 'Reshape', domain: '', inputs: [value, shape], outputs: [flatName(value)], attributes: {} };
      }),
    ],
    outputs: [
      ...graph.outputs,
      ...[...values].map((value) => ({ name: flatName(value), type: 'float32' as const, dims: [`${value}.size`] })),
    ],
  };
}
