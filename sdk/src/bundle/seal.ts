import type { z } from 'zod';
import { encodeModelWithData, type Placement } from '../onnx/codec.js';
import type { OnnxGraph } from '../onnx/graph.js';
import { modelIdOf, sha256 } from './digest.js';
import { type BundleManifest, MANIFEST, manifestSchema } from './manifest.js';

/** What goes into a bundle. */
export interface BundleParts extends Omit<z.input<typeof manifestSchema>, 'schema' | 'modelId' | 'graph' | 'files'> {
  /** The graph with all weights; `placement` says which go into which weight file. */
  readonly model: OnnxGraph;
  readonly placement: Placement;
  /** Further files by path: golden images, the model card. */
  readonly extra: ReadonlyMap<string, Uint8Array>;
}

/** Path of the graph in a bundle. */
const GRAPH = 'model.onnx';

/** The files of a bundle by path, manifest last. The same parts give the same bytes. */
export async function sealBundle(parts: BundleParts): Promise<Map<string, Uint8Array>> {
  const { model, placement, extra, ...facts } = parts;
  const encoded = encodeModelWithData(model, placement);
  const weights = [[GRAPH, encoded.model] as const, ...encoded.files];
  const contents = new Map<string, Uint8Array>([...weights, ...extra]);
  const files: BundleManifest['files'] = {};
  for (const [path, bytes] of contents) files[path] = { sha256: await sha256(bytes), sizeBytes: bytes.byteLength };
  const modelId = await modelIdOf(weights.map(([path]) => files[path]?.sha256 as string));
  const manifest = manifestSchema.parse({ schema: 'beltsight.bundle/1', modelId, graph: GRAPH, ...facts, files });
  return contents.set(MANIFEST, new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
}
