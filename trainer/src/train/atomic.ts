import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/**
 * Writes a file, with its folder where that is missing, so that a crash at any moment leaves the old content or the new: to
 * a file beside it, flushed, then renamed. Processes, also on machines that share the folder, may write the same file: the last one counts.
 * @throws BeltsightError IO_FAILED naming the file; the old content is untouched
 */
export async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await mkdir(dirname(file), { recursive: true });
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
    throw writeFailed(file, cause);
  }
}

/** Removes what writers that were killed have left in a folder that nobody else writes to. */
export async function removeParts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (isPart(name)) await rm(join(folder, name), { force: true });
}

/** Whether a file is what a writer that was killed has left. */
export const isPart = (name: string) => /\.[0-9a-f]{8}\.part$/.test(name);

/** The error for a file or folder that cannot be written, with the remedy where the cause has one. */
export function writeFailed(path: string, cause: unknown): BeltsightError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const remedy = REMEDIES[code ?? ''] ?? `${message}`;
  return new BeltsightError('IO_FAILED', `${path} cannot be written: ${remedy}.`, { cause });
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and run the command again (a training run goes on with --resume)',
  EDQUOT: 'the disk quota is used up; free some space and run the command again',
  EACCES: 'no permission; choose another place, or ask for write access to this one',
  EPERM: 'no permission; choose another place, or ask for write access to this one',
  EROFS: 'it lies on a read-only file system; choose another place',
  ENOTDIR: 'a part of its path is a file, not a folder; choose another place',
  EEXIST: 'a part of its path is a file, not a folder; choose another place',
  EISDIR: 'it is a folder; choose the name of a file',
};

/** A rename is durable once its folder is flushed. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
