import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GraphNode, OnnxGraph } from '@beltsight/sdk/onnx';

/** Writes a graph and an image for pytorch.py, which runs it operator by operator. */
export function dumpForPyTorch(folder: string, graph: OnnxGraph, image: Float32Array): void {
  const constants: Record<string, { type: string; dims: readonly number[]; offset: number }> = {};
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { type, dims, data }] of graph.initializers) {
    constants[name] = { type, dims, offset };
    // Every chunk starts at a multiple of 8, where int64 data may lie.
    const padded = new Uint8Array(Math.ceil(data.byteLength / 8) * 8);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    chunks.push(padded);
    offset += padded.length;
  }
  const nodes = graph.nodes.map((node) => ({
    op: node.opType,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes: Object.fromEntries(Object.entries(node.attributes).map(([key, { value }]) => [key, value])),
    normalised: hadBatchNorm(node, graph),
  }));
  writeFileSync(join(folder, 'graph.json'), JSON.stringify({ image: graph.inputs[0]?.dims, constants, nodes }));
  writeFileSync(join(folder, 'constants.bin'), Buffer.concat(chunks));
  writeFileSync(join(folder, 'image.bin'), image);
}

/** Every convolution has a batch normalisation behind it, but for those of the projector and the decoder's heads. */
function hadBatchNorm({ opType, outputs: [output = ''] }: GraphNode, { nodes }: OnnxGraph): boolean {
  if (opType !== 'Conv' && opType !== 'ConvTranspose') return false;
  const readers = nodes.filter(({ inputs }) => inputs.includes(output)).map((node) => node.opType);
  return !readers.includes('InstanceNormalization') && readers.some((op) => /^(Relu|Clip|Add|Conv)$/.test(op));
}
