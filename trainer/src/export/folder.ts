import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { MANIFEST } from '@beltsight/sdk/bundle';
import { writeFailed } from '../train/atomic.js';

/**
 * A bundle may be replaced; anything else is left alone.
 * @throws BeltsightError ARGUMENT_INVALID, IO_FAILED
 */
export async function requireFree(out: string): Promise<void> {
  const held: string[] = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw writeFailed(out, error);
  });
  if (held.length === 0 || held.includes(MANIFEST)) return;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `${out} holds something that is no bundle: choose another folder with --out.`,
  );
}

/** Writes a folder beside its place and renames it, so that nobody sees half a bundle. */
export async function writeFolder(out: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const target = resolve(out);
  const temporary = `${target}.part`;
  try {
    await rm(temporary, { recursive: true, force: true });
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeFile(join(temporary, path), bytes);
    }
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeFailed(out, cause);
  }
}
