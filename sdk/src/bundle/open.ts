import { z } from 'zod';
import { BeltsightError } from '../errors.js';
import { decodeInterface, decodeModel } from '../onnx/codec.js';
import type { OnnxGraph, ValueInfo } from '../onnx/graph.js';
import { modelIdOf, sha256 } from './digest.js';
import { type BundleManifest, MANIFEST, manifestSchema } from './manifest.js';

/**
 * A bundle whose every byte was checked. Nothing of it is kept in memory: what is asked for is read again, and checked again.
 * Both functions reject as {@link openBundle} does.
 */
export interface Bundle {
  readonly manifest: BundleManifest;
  /** Content of one of the manifest's files. */
  file(path: string): Promise<Uint8Array>;
  /** The model with its weights. */
  model(): Promise<OnnxGraph>;
}

/** Reads a file of the bundle by its path inside; where there is none, rejects with an error that says where it looked. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

export interface FileDigest {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Digest of a file of the bundle; rejects where there is none. */
export type DigestFile = (path: string) => Promise<FileDigest>;

/**
 * Opens a bundle and checks all of it: manifest, sizes, SHA-256 of every file, model id, and that the graph honours the model
 * contract. Nothing of a bundle that fails is handed out.
 * @param digest where a platform can digest a large file without holding it; default: reads it
 * @throws BeltsightError BUNDLE_NOT_FOUND, BUNDLE_INVALID, BUNDLE_CORRUPT or MODEL_INVALID naming the file and the remedy
 */
export async function openBundle(read: ReadFile, digest?: DigestFile): Promise<Bundle> {
  const manifest = await readManifest(read);
  const file = async (path: string) => {
    const expected = manifest.files[path];
    if (expected) return readChecked(read, path, expected);
    throw new BeltsightError('BUNDLE_INVALID', `The bundle has no file ${path}: export it again.`);
  };
  const model = async () => {
    const weights = new Map<string, Uint8Array>();
    for (const path of weightFiles(manifest)) weights.set(path, await file(path));
    return decodeModel(await file(manifest.graph), (location) => weights.get(location));
  };
  for (const [path, expected] of Object.entries(manifest.files)) {
    if (digest) requireDigest(path, await whole(path, () => digest(path)), expected);
    else await file(path);
  }
  await checkModelId(manifest);
  checkClasses(manifest);
  for (const { image } of manifest.golden) await file(image);
  checkContract(decodeInterface(await file(manifest.graph)), manifest);
  return { manifest, file, model };
}

function weightFiles({ files }: BundleManifest): string[] {
  return Object.keys(files).filter((path) => path.endsWith('.weights'));
}

async function readManifest(read: ReadFile): Promise<BundleManifest> {
  let bytes: Uint8Array;
  try {
    bytes = await read(MANIFEST);
  } catch (cause) {
    throw new BeltsightError(
      'BUNDLE_NOT_FOUND',
      `There is no bundle: ${MANIFEST} cannot be read (${(cause as Error).message}). Make one with beltsight export.`,
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

async function readChecked(read: ReadFile, path: string, expected: FileDigest): Promise<Uint8Array> {
  const bytes = await whole(path, () => read(path));
  requireDigest(path, { sha256: await sha256(bytes), sizeBytes: bytes.byteLength }, expected);
  return bytes;
}

async function whole<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw corrupt(path, 'cannot be read', cause);
  }
}

function requireDigest(path: string, found: FileDigest, expected: FileDigest): void {
  if (found.sizeBytes !== expected.sizeBytes) {
    throw corrupt(path, `has ${found.sizeBytes} bytes where its manifest says ${expected.sizeBytes}`);
  }
  if (found.sha256 !== expected.sha256) throw corrupt(path, 'is not what was exported (its SHA-256 differs)');
}

function corrupt(path: string, why: string, cause?: unknown): BeltsightError {
  return new BeltsightError('BUNDLE_CORRUPT', `${path} of the bundle ${why}: copy the bundle again.`, { cause });
}

/** The id was made over the graph and its weights. */
async function checkModelId(manifest: BundleManifest): Promise<void> {
  const digests = [manifest.graph, ...weightFiles(manifest)].flatMap((path) => manifest.files[path]?.sha256 ?? []);
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
function checkContract(graph: Pick<OnnxGraph, 'inputs' | 'outputs'>, { input, embeddingSize }: BundleManifest): void {
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
