import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';

/** What a name of the cache looks like: never a path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What is kept of a backbone beside its file. */
const recordSchema = z.object({
  schema: z.literal('beltsight.backbone/1'),
  name: z.string().regex(NAME),
  architecture: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.int().positive(),
  source: z.string().describe('URL or file that it was added from, or the page that publishes it.'),
  license: z.string().optional(),
  checked: z
    .enum(['published', 'given', 'first-use'])
    .describe('What the checksum was held against: the known one of a publication, one that was given, nothing.'),
  addedAt: z.iso.datetime(),
});
export type CachedBackbone = z.infer<typeof recordSchema>;

/**
 * Folder of backbones that were added: in $XDG_CACHE_HOME, by default ~/.cache (XDG Base Directory Specification, which says
 * to ignore a relative path).
 */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME } = process.env;
  const base = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'beltsight', 'backbones');
}

/** @throws BeltsightError ARGUMENT_INVALID if a name cannot be one of the cache */
export function requireName(name: string): void {
  if (NAME.test(name) && !name.endsWith('.safetensors')) return;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `"${name}" cannot be the name of a backbone: use letters, digits, dots, hyphens and underscores, at most 64, and no ending .safetensors.`,
  );
}

/** Files of a backbone in the cache. */
export const cacheFiles = (name: string) => ({
  weights: join(cacheFolder(), `${name}.safetensors`),
  record: join(cacheFolder(), `${name}.json`),
});

/**
 * The backbone of this name in the cache, if there is one.
 * @throws BeltsightError BACKBONE_INVALID if its record is damaged or cannot be read
 */
export async function cachedBackbone(name: string): Promise<{ record: CachedBackbone; file: string } | undefined> {
  if (!NAME.test(name)) return undefined;
  const { weights, record } = cacheFiles(name);
  let text: string;
  try {
    text = await readFile(record, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(record, error);
  }
  try {
    return { record: recordSchema.parse(JSON.parse(text)), file: weights };
  } catch (cause) {
    throw new BeltsightError('BACKBONE_INVALID', `${record} is damaged: delete it and add the backbone again.`, {
      cause,
    });
  }
}

/**
 * All backbones in the cache, by name.
 * @throws BeltsightError BACKBONE_INVALID if the cache or a record cannot be read, or one is damaged
 */
export async function cachedBackbones(): Promise<CachedBackbone[]> {
  const files = await readdir(cacheFolder()).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw unreadable(cacheFolder(), error);
  });
  const names = files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  const found = await Promise.all(names.sort().map(cachedBackbone));
  return found.flatMap((entry) => (entry ? [entry.record] : []));
}

function unreadable(path: string, cause: unknown): BeltsightError {
  return new BeltsightError('BACKBONE_INVALID', `${path} cannot be read: ${(cause as Error).message}`, { cause });
}
