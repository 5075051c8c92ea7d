import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Of the files that were set aside so many are kept, the latest: for whoever wants to know why. */
const KEPT = 3;
const SUFFIX = '.damaged';

/**
 * Renames a file of a store, so that it belongs to it no more. Never rejects: one that the folder does not let go of stays, and nothing
 * writes to it.
 * @returns what became of it, in words
 */
export async function setAside(file: string): Promise<string> {
  const aside = file + SUFFIX;
  try {
    await rename(file, aside);
  } catch {
    return 'left where it is';
  }
  await dropOld(dirname(file)).catch(() => undefined);
  return `moved to ${aside}`;
}

async function dropOld(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).sort();
  for (const name of names.slice(0, -KEPT)) await rm(join(folder, name), { recursive: true, force: true });
}
