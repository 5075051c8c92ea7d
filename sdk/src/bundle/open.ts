import { z } from 'zod';
import { BeltsightError } from '../errors.js';
import { decodeModel } from '../onnx/codec.js';
import type { OnnxGraph, ValueInfo } from '../onnx/graph.js';
import { modelIdOf, sha256 } from './digest.js';
import { type BundleManifest, MANIFEST, manifestSchema } from './manifest.js';

/** A bundle whose every byte was checked. */
export interface Bundle {
  readonly manifest: BundleManifest;
  /** Content of one of the manifest's files, as it was when it was checked. */
  file(path: string): Uint8Array;
  /** The model with its weights. */
  model(): OnnxGraph;
}

/** Reads a file of the bundle by its path inside; rejects where there is none. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * Opens a bundle and checks all of it: manifest, sizes, SHA-256 of every file, model id, and that the graph honours the model
 * contract. Nothing of a bundle that fails is handed out.
 * @throws BeltsightError BUNDLE_NOT_FOUND, BUNDLE_INVALID, BUNDLE_CORRUPT or MODEL_INVALID naming the file and the remedy
 */
export async function openBundle(read: ReadFile): Promise<Bundle> {
  const manifest = await readManifest(read);
  const contents = new Map<string, Uint8Array>();
  for (const [path, expected] of Object.entries(manifest.files)) {
    contents.set(path, await readChecked(read, path, expected));
  }
  const file = (path: string) => {
    const content = contents.get(path);
    if (content) return content;
    throw new BeltsightError('BUNDLE_INVALID', `The bundle has no file ${path}: export it again.`);
  };
  const model = () => decodeModel(file(manifest.graph), file);
  await checkModelId(manifest);
  checkClasses(manifest);
  for (const { image } of manifest.golden) file(image);
  checkContract(model(), manifest);
  return { manifest, file, model };
}

async function readManifest(read: ReadFile): Promise<BundleManifest> {
  let bytes: Uint8Array;
  try {
    bytes = await read(MANIFEST);
  } catch (cause) {
    throw new BeltsightError(
      'BUNDLE_NOT_FOUND',
      `There is no bundle: ${MANIFEST} cannot be read. Make one with beltsight export.`,
      {
        cause,
      },
    );
  }
  try {
    return manifestSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new BeltsightError(
      'BUNDLE_INVALID',
      `${MANIFEST} is damaged or of another version; export the bundle again.\n${why}`,
      {
        cause,
      },
    );
  }
}

async function readChecked(
  read: ReadFile,
  path: string,
  expected: { sha256: string; sizeBytes: number },
): Promise<Uint8Array> {
  const corrupt = (why: string, cause?: unknown) =>
    new BeltsightError('BUNDLE_CORRUPT', `${path} of the bundle ${why}: copy the bundle again.`, { cause });
  let bytes: Uint8Array;
  try {
    bytes = await read(path);
  } catch (cause) {
    throw corrupt('cannot be read', cause);
  }
  if (bytes.byteLength !== expected.sizeBytes) {
    throw corrupt(`has ${bytes.byteLength} bytes where its manifest says ${expected.sizeBytes}`);
  }
  if ((await sha256(bytes)) !== expected.sha256) throw corrupt('is not what was exported (its SHA-256 differs)');
  return bytes;
}

/** Graph and weights are all files at the top level that the id was made over: the graph and what it refers to. */
async function checkModelId(manifest: BundleManifest): Promise<void> {
  const digests = Object.entries(manifest.files)
    .filter(([path]) => path === manifest.graph || path.endsWith('.weights'))
    .map(([, { sha256: digest }]) => digest);
  if ((await modelIdOf(digests)) === manifest.modelId) return;
  throw new BeltsightError(
    'BUNDLE_INVALID',
    `${MANIFEST} names model ${manifest.modelId}, which is not the one inside: export again.`,
  );
}

function checkClasses({ classes, embeddingSize }: BundleManifest): void {
  const names = new Set<string>();
  for (const { name, centroid } of classes) {
    if (names.has(name))
      throw new BeltsightError('BUNDLE_INVALID', `${MANIFEST} has two classes named "${name}": export again.`);
    names.add(name);
    if (centroid.length === embeddingSize) continue;
    throw new BeltsightError(
      'BUNDLE_INVALID',
      `The centroid of class "${name}" has ${centroid.length} numbers, the embedding ${embeddingSize}: export again.`,
    );
  }
}

/** The model contract: input `image` [N,3,S,S]; outputs `score` [N], `map` [N,1,S,S], `embedding` [N,D]. */
function checkContract(graph: OnnxGraph, { input, embeddingSize }: BundleManifest): void {
  const { batch: n, size: s } = input;
  const expect = (what: 'input' | 'output', values: readonly ValueInfo[], name: string, dims: readonly number[]) => {
    const value = values.find((candidate) => candidate.name === name);
    if (value?.type === 'float32' && value.dims.join() === dims.join()) return;
    const found = value
      ? `is ${value.type} [${value.dims}]`
      : `is missing (there are: ${values.map((v) => v.name).join(', ')})`;
    throw new BeltsightError(
      'MODEL_INVALID',
      `The model does not honour the contract: ${what} "${name}" ${found}; it must be float32 [${dims}].`,
    );
  };
  expect('input', graph.inputs, input.name, [n, 3, s, s]);
  expect('output', graph.outputs, 'score', [n]);
  expect('output', graph.outputs, 'map', [n, 1, s, s]);
  expect('output', graph.outputs, 'embedding', [n, embeddingSize]);
}
