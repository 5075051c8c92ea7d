import { readdirSync } from 'node:fs';
import koffi from 'koffi';
import { loadLibrary } from '../../native.js';

/**
 * The system calls that outputs make. Each answers with a number of at least 0, or with the negated error number. A test puts chips
 * written in JavaScript in their place.
 */
export interface GpioCalls {
  /** Names of the files in /dev. */
  devices(): readonly string[];
  open(path: string): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
}

const [O_RDWR, O_CLOEXEC] = [2, 0o2000000];

/** The kernel's. */
export function systemCalls(): GpioCalls {
  const libc = loadLibrary('libc.so.6');
  const open = libc.func('int open(const char *path, int flags)');
  const close = libc.func('int close(int fd)');
  const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
  const answer = (result: number): number => (result < 0 ? -koffi.errno() : result);
  return {
    devices: () => readdirSync('/dev'),
    open: (path) => answer(open(path, O_RDWR | O_CLOEXEC)),
    close: (fd) => answer(close(fd)),
    ioctl: (fd, request, argument) => answer(ioctl(fd, request, argument)),
  };
}
