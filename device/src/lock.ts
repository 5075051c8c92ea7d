import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import koffi from 'koffi';
import { loadLibrary } from './native.js';

/** Name of the lock file in a folder. */
export const LOCK = 'lock';
/** Of sys/file.h: exclusive, and do not wait. */
const LOCK_EX_NB = 2 | 4;
/** Of asm-generic/errno.h. */
const EWOULDBLOCK = 11;

let flock: ((fd: number, operation: number) => number) | undefined;

/**
 * Takes a folder for this process, until the handle is closed or the process ends, however it ends: the kernel lets go of the lock. On a file
 * system that knows no locks it is taken, too.
 * @returns undefined if somebody has it; {@link holderOf} says who
 * @throws what the file system throws if the lock file cannot be written
 */
export async function tryLock(folder: string): Promise<FileHandle | undefined> {
  const handle = await open(join(folder, LOCK), 'a');
  if (!lockFile(handle.fd)) {
    await handle.close();
    return undefined;
  }
  // For whoever comes next; on a disk that is full the lock holds all the same.
  await handle.truncate(0).catch(() => undefined);
  await handle.appendFile(`${process.pid}\n`).catch(() => undefined);
  return handle;
}

/** Id of the process that took a folder last; empty where it is not known. */
export async function holderOf(folder: string): Promise<string> {
  return (await readFile(join(folder, LOCK), 'utf8').catch(() => '')).trim();
}

/**
 * Like {@link tryLock}.
 * @param code of the error if another process has it; the message says which
 * @throws BeltsightError `code`
 */
export async function lockFolder(folder: string, code: 'SPOOL_IN_USE' | 'UPDATE_IN_USE'): Promise<FileHandle> {
  const handle = await tryLock(folder);
  if (handle) return handle;
  const holder = await holderOf(folder);
  throw new BeltsightError(
    code,
    `${folder} is in use by another process${holder && ` (${holder})`}: is this device running already? Each needs its own \`state\` folder.`,
  );
}

function lockFile(fd: number): boolean {
  flock ??= loadLibrary('libc.so.6').func('int flock(int fd, int operation)') as (fd: number, op: number) => number;
  return flock(fd, LOCK_EX_NB) === 0 || koffi.errno() !== EWOULDBLOCK;
}
