import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { writeAtomically } from '../../../train/atomic.js';
import { MOBILENET_V2 } from '../mobilenet-v2.js';
import { readBackbone } from '../weights.js';
import { type DownloadLimits, download } from './download.js';
import { PUBLISHED, pageOf, publishedAt } from './published.js';
import { type CachedBackbone, cachedBackbone, cacheFiles, requireName } from './records.js';

export interface AddOptions {
  /** Name in the cache; default: timm's, where the file is a published one, otherwise the architecture's. */
  readonly name?: string | undefined;
  /** SHA-256 that the file must have. */
  readonly sha256?: string | undefined;
  /** Of a download. */
  readonly limits?: DownloadLimits;
}

/**
 * Puts a backbone into the cache, from a file or, over HTTP(S), from a URL. It is read first: what cannot be a teacher does not
 * get in. Its checksum must be the published one where that is known, and the given one; otherwise it is trusted on first use.
 * @throws BeltsightError BACKBONE_INVALID if the file is no backbone, or not the one it should be; BACKBONE_UNREACHABLE if it
 *   cannot be fetched; ARGUMENT_INVALID if the name is taken or none; IO_FAILED if the cache cannot be written
 */
export async function addBackbone(fileOrUrl: string, options: AddOptions = {}): Promise<CachedBackbone> {
  const wanted = options.sha256?.toLowerCase();
  if (options.name !== undefined) requireName(options.name);
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted)) {
    throw new BeltsightError('ARGUMENT_INVALID', `"${options.sha256}" is no SHA-256: give 64 hexadecimal digits.`);
  }
  const remote = /^https?:\/\//i.test(fileOrUrl);
  if (remote && !URL.canParse(fileOrUrl)) throw new BeltsightError('ARGUMENT_INVALID', `"${fileOrUrl}" is no URL.`);
  const claimed = remote ? publishedAt(fileOrUrl) : undefined;
  const bytes = remote ? await download(fileOrUrl, options.limits) : await readLocal(fileOrUrl);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const expected = wanted ?? claimed?.sha256;
  if (expected !== undefined && expected !== sha256) throw otherChecksum(fileOrUrl, sha256, expected, wanted);
  const { backbone, metadata } = readBackbone(bytes, fileOrUrl);
  const published = PUBLISHED.find((candidate) => candidate.sha256 === sha256);
  const license = published?.license ?? metadata.license ?? metadata.licence;
  const record: CachedBackbone = {
    schema: 'beltsight.backbone/1',
    name: options.name ?? published?.name ?? backbone.name,
    architecture: backbone.name,
    sha256,
    sizeBytes: bytes.length,
    source: published ? pageOf(published) : remote ? fileOrUrl : (metadata.source ?? resolve(fileOrUrl)),
    ...(license === undefined ? {} : { license }),
    checked: published ? 'published' : wanted === undefined ? 'first-use' : 'given',
    addedAt: new Date().toISOString(),
  };
  await requireFree(record);
  const files = cacheFiles(record.name);
  // The record comes last: without it there is no backbone of that name.
  await writeAtomically(files.weights, bytes);
  await writeAtomically(files.record, `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

async function readLocal(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new BeltsightError('BACKBONE_INVALID', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function otherChecksum(source: string, found: string, expected: string, given: string | undefined): BeltsightError {
  const remedy =
    given === undefined
      ? 'that is the checksum it was published with. Fetch it again; if it was published anew, give its checksum with --sha256'
      : 'that is the one given';
  return new BeltsightError(
    'BACKBONE_INVALID',
    `${source} has SHA-256 ${found}, not ${expected}: ${remedy}. Nothing was added.`,
  );
}

/** A name stays with its contents: runs find their teacher by it. */
async function requireFree({ name, sha256 }: CachedBackbone): Promise<void> {
  if (name === MOBILENET_V2.name) {
    throw new BeltsightError('ARGUMENT_INVALID', `"${name}" is the teacher that ships; choose another with --name.`);
  }
  const known = await cachedBackbone(name);
  if (!known || known.record.sha256 === sha256) return;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `There is another backbone named "${name}" (SHA-256 ${known.record.sha256}): choose another with --name, or delete ${known.file} and its .json first.`,
  );
}
