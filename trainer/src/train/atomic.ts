import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/**
 * Writes a file so that a crash at any moment leaves the old content or the new: to a file beside it, flushed, then renamed.
 * @throws BeltsightError IO_FAILED naming the file; the old content is untouched
 */
export async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.part`;
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
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOSPC' ? 'the disk is full: free some space and go on with --resume' : message;
    throw new BeltsightError('IO_FAILED', `${file} cannot be written: ${why}.`, { cause });
  }
}

/** A rename is durable once its folder is flushed. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
