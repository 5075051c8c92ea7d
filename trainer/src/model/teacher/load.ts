import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BeltsightError } from '@beltsight/sdk';
import { type CachedBackbone, cachedBackbone } from './cache/records.js';
import { MOBILENET_V2 } from './mobilenet-v2.js';
import type { Backbone } from './table.js';
import { BACKBONES, type BackboneWeights, readBackbone } from './weights.js';

/** The teacher that ships with the trainer: from dist/ and from src/model/teacher/ alike. */
const SHIPPED = ['../assets/', '../../assets/', '../../../assets/'].map((folder) =>
  fileURLToPath(new URL(`${folder}mobilenet_v2_s16.safetensors`, import.meta.url)),
);

/** A frozen backbone with its weights, and the file they are from. */
export interface Teacher extends BackboneWeights {
  /** What the file says of itself, or is known of it: source, licence. */
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
 * Loads a teacher: `mobilenet_v2` (shipped), the name of one in the cache (`beltsight backbone add`), or a safetensors file of
 * a known backbone.
 * @param sha256 of the file, where a model was trained on it: no other teacher will do
 * @throws BeltsightError BACKBONE_INVALID if the file cannot be read, is another one, or none of the known backbones
 */
export async function loadTeacher(name: string, sha256?: string): Promise<Teacher> {
  const { bytes, source, record } = await readTeacherFile(name);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && found !== sha256) {
    throw new BeltsightError(
      'BACKBONE_INVALID',
      `${source} is not the teacher that the model was trained on (SHA-256 ${found}, not ${sha256}): put that one back, or train anew.`,
    );
  }
  if (record && found !== record.sha256) {
    throw new BeltsightError(
      'BACKBONE_INVALID',
      `${source} has changed since it was added (SHA-256 ${found}, not ${record.sha256}): delete it and add it again.`,
    );
  }
  const { metadata, ...rest } = readBackbone(bytes, source);
  return {
    ...rest,
    metadata: { ...(record && provenanceOf(record)), ...metadata },
    sha256: found,
  };
}

const provenanceOf = ({ source, license }: CachedBackbone) => ({ source, ...(license ? { license } : {}) });

interface TeacherFile {
  readonly bytes: Uint8Array;
  /** The file. */
  readonly source: string;
  /** Only of one in the cache. */
  readonly record?: CachedBackbone;
}

async function readTeacherFile(name: string): Promise<TeacherFile> {
  const cached = name === MOBILENET_V2.name ? undefined : await cachedBackbone(name);
  const candidates = name === MOBILENET_V2.name ? SHIPPED : [cached?.file ?? name];
  let cause: unknown;
  for (const source of candidates) {
    try {
      const bytes = await readFile(source);
      return { bytes, source, ...(cached && { record: cached.record }) };
    } catch (error) {
      cause = error;
    }
  }
  throw new BeltsightError(
    'BACKBONE_INVALID',
    `The teacher "${name}" cannot be read: give "${MOBILENET_V2.name}", a name from "beltsight backbone list", or the path of a safetensors file. ` +
      `Others are added with "beltsight backbone add FILE|URL"; docs/backbones.md says where to get them.`,
    { cause },
  );
}
