import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BeltsightError } from '@beltsight/sdk';
import { readSafetensors, type StoredTensor } from '../safetensors.js';
import { MOBILENET_V2 } from './mobilenet-v2.js';
import { RESNET_18 } from './resnet18.js';
import { TEACHER_PREFIX } from './run.js';
import { type Backbone, type ConvLayer, layersOf } from './table.js';

const BACKBONES: readonly Backbone[] = [MOBILENET_V2, RESNET_18];

/** The teacher that ships with the trainer: from dist/ and from src/model/teacher/ alike. */
const SHIPPED = ['../assets/', '../../assets/', '../../../assets/'].map(
  (folder) => new URL(`${folder}mobilenet_v2_s16.safetensors`, import.meta.url),
);

/** A frozen backbone with its weights: `teacher.<layer>.{weight,bias}`, filters [kh,kw,I,O], depthwise [kh,kw,C,1]. */
export interface Teacher {
  readonly backbone: Backbone;
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** What the file says of itself: source, licence. */
  readonly metadata: Readonly<Record<string, string>>;
  /** SHA-256 of the file. */
  readonly sha256: string;
}

/** The backbone table named `name`. */
export function backboneOf(name: string): Backbone {
  const backbone = BACKBONES.find((candidate) => candidate.name === name);
  if (backbone) return backbone;
  const known = BACKBONES.map((candidate) => candidate.name).join(', ');
  throw new BeltsightError('BACKBONE_INVALID', `There is no backbone "${name}"; known are ${known}.`);
}

/**
 * Loads a teacher: `mobilenet_v2` (shipped), or a safetensors file of a known backbone, recognised by its layers.
 * @param sha256 of the file, where a model was trained on it: no other teacher will do
 * @throws BeltsightError BACKBONE_INVALID if the file cannot be read, is another one, or none of the known backbones
 */
export async function loadTeacher(nameOrFile: string, sha256?: string): Promise<Teacher> {
  const { bytes, source } = await readTeacherFile(nameOrFile);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && found !== sha256) {
    throw new BeltsightError(
      'BACKBONE_INVALID',
      `${source} is not the teacher that the model was trained on (SHA-256 ${found}, not ${sha256}): put that one back, or train anew.`,
    );
  }
  const { tensors, metadata } = readSafetensors(bytes, source);
  const backbone = BACKBONES.find((candidate) =>
    layersOf(candidate).every(({ name }) => tensors.has(`${name}.weight`)),
  );
  if (!backbone) {
    const known = BACKBONES.map((candidate) => `${candidate.name} (${layersOf(candidate)[0]?.name}.weight, ...)`);
    throw new BeltsightError('BACKBONE_INVALID', `${source} holds no backbone Beltsight knows: ${known.join(', ')}.`);
  }
  const weights = new Map<string, StoredTensor>();
  for (const layer of layersOf(backbone)) {
    weights.set(`${TEACHER_PREFIX}${layer.name}.weight`, filterOf(layer, tensors, source));
    weights.set(`${TEACHER_PREFIX}${layer.name}.bias`, tensorOf(`${layer.name}.bias`, [layer.output], tensors, source));
  }
  return { backbone, weights, metadata, sha256: found };
}

async function readTeacherFile(nameOrFile: string): Promise<{ bytes: Uint8Array; source: string }> {
  const candidates = nameOrFile === MOBILENET_V2.name ? SHIPPED.map((url) => fileURLToPath(url)) : [nameOrFile];
  let cause: unknown;
  for (const source of candidates) {
    try {
      return { bytes: await readFile(source), source };
    } catch (error) {
      cause = error;
    }
  }
  throw new BeltsightError(
    'BACKBONE_INVALID',
    `The teacher "${nameOrFile}" cannot be read: give "${MOBILENET_V2.name}" or the path of a safetensors file.`,
    { cause },
  );
}

function tensorOf(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
): StoredTensor {
  const tensor = tensors.get(name);
  if (tensor && tensor.shape.join() === shape.join()) return tensor;
  const found = tensor ? `has shape [${tensor.shape}]` : 'is missing';
  throw new BeltsightError('BACKBONE_INVALID', `${source}: tensor "${name}" ${found}; the backbone needs [${shape}].`);
}

/** A filter of the file, (O,I,kh,kw), as [kh,kw,I,O]; a depthwise one, (C,1,kh,kw), as [kh,kw,C,1]. */
function filterOf(layer: ConvLayer, tensors: ReadonlyMap<string, StoredTensor>, source: string): StoredTensor {
  const { kernel, output } = layer;
  const input = layer.kind === 'depthwise' ? 1 : layer.input;
  const { data } = tensorOf(`${layer.name}.weight`, [output, input, kernel, kernel], tensors, source);
  const taps = kernel * kernel;
  const filter = new Float32Array(data.length);
  for (let o = 0; o < output; o++) {
    for (let i = 0; i < input; i++) {
      for (let tap = 0; tap < taps; tap++) {
        filter[(tap * input + i) * output + o] = data[(o * input + i) * taps + tap] as number;
      }
    }
  }
  const shape = layer.kind === 'depthwise' ? [kernel, kernel, output, 1] : [kernel, kernel, input, output];
  return { shape, data: filter };
}
