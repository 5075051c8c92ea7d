import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What a file is called until it is whole. */
export const PART = '.part';

/**
 * Writes a file so that a crash at any moment leaves the old content or the new, never half of it. When it resolves, it is on the disk.
 * @throws what the file system throws; nothing is left behind
 */
export async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = file + PART;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(dirname(file));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Makes a folder with those above it, where they are not there. Node's own way says that there is no such folder when the disk is full.
 * @throws what the file system throws
 */
export async function makeFolder(folder: string): Promise<void> {
  const make = () =>
    mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  await make().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await makeFolder(dirname(folder));
    await make();
  });
}

/** Makes durable what was renamed, linked or removed in a folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
