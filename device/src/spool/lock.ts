import koffi from 'koffi';
import { loadLibrary } from '../native.js';

/** Of sys/file.h: exclusive, and do not wait. */
const LOCK_EX_NB = 2 | 4;
/** Of asm-generic/errno.h. */
const EWOULDBLOCK = 11;

let flock: ((fd: number, operation: number) => number) | undefined;

/**
 * Locks an open file, until it is closed or the process ends, however it ends.
 * @returns whether no other process has it; true too on a file system that knows no locks
 */
export function lockFile(fd: number): boolean {
  flock ??= loadLibrary('libc.so.6').func('int flock(int fd, int operation)') as (fd: number, op: number) => number;
  return flock(fd, LOCK_EX_NB) === 0 || koffi.errno() !== EWOULDBLOCK;
}
