import koffi from 'koffi';
import { MMAP } from './abi/constants.js';
import { V4l2Error } from './errors.js';
import { Memory } from './memory.js';

/** Memory of a device, mapped into the process. Touching `bytes` after munmap ends the process. */
export interface Mapping {
  readonly bytes: Uint8Array;
}

/**
 * The system calls that the package makes, and all of them. Each answers with a number of at least 0, or with the negated error
 * number. A test puts a driver written in JavaScript in their place.
 */
export interface Libc {
  open(path: string, flags: number): number;
  close(fd: number): number;
  /** @param argument memory of {@link Memory}, which does not move */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  mmap(fd: number, length: number, offset: number): Mapping | number;
  munmap(mapping: Mapping): number;
  /** Waits until `fd` has one of `events`; answers with those it has (POLL*), and with 0 when the time is over. */
  poll(fd: number, events: number, timeoutMs: number): number;
  /** Where memory lies, for structures that point to other memory. */
  address(bytes: Uint8Array): bigint;
}

/**
 * The C library of the process. Its functions are looked up in the process, not in libc.so.6, so that what LD_PRELOAD puts before
 * them (libv4l's v4l2convert.so, a tracer) is called.
 * @throws V4l2Error V4L2_UNSUPPORTED_PLATFORM
 */
export function systemLibc(): Libc {
  known ??= bind();
  return known;
}

let known: Libc | undefined;
/** Koffi unloads a library whose handle is collected, under the feet of its functions. */
let library: ReturnType<typeof koffi.load> | undefined;

/** MAP_FAILED of sys/mman.h, as koffi gives a pointer. */
const MAP_FAILED = 0xffffffffffffffffn;

function bind(): Libc {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new V4l2Error(
      'V4L2_UNSUPPORTED_PLATFORM',
      `Video4Linux2 is part of Linux; this is ${process.platform} on ${process.arch}, and linux on x64 or arm64 is needed.`,
    );
  }
  library = koffi.load(null);
  const open = library.func('int open(const char *path, int flags)');
  const close = library.func('int close(int fd)');
  const ioctl = library.func('int ioctl(int fd, unsigned long request, void *argument)');
  const mmap = library.func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)');
  const munmap = library.func('int munmap(void *at, size_t length)');
  const poll = library.func('int poll(void *fds, unsigned long count, int timeout)');
  const addresses = new WeakMap<Mapping, bigint>();
  const answer = (result: number): number => (result < 0 ? -koffi.errno() : result);
  // struct pollfd: int fd; short events; short revents.
  const polled = new Memory(8);
  return {
    open: (path, flags) => answer(open(path, flags)),
    close: (fd) => answer(close(fd)),
    ioctl: (fd, request, argument) => answer(ioctl(fd, request, argument)),
    mmap(fd, length, offset) {
      const at: bigint | null = mmap(null, length, MMAP.PROT_READ | MMAP.PROT_WRITE, MMAP.SHARED, fd, offset);
      if (at === null || BigInt(at) === MAP_FAILED) return -koffi.errno();
      const mapping = { bytes: new Uint8Array(koffi.view(at, length)) };
      addresses.set(mapping, at);
      return mapping;
    },
    munmap: (mapping) => answer(munmap(addresses.get(mapping), mapping.bytes.byteLength)),
    poll(fd, events, timeoutMs) {
      polled.view.setInt32(0, fd, true);
      polled.view.setInt16(4, events, true);
      polled.view.setInt16(6, 0, true);
      const count = answer(poll(polled.bytes, 1, timeoutMs));
      return count <= 0 ? count : polled.view.getUint16(6, true);
    },
    address: (bytes) => koffi.address(bytes) as bigint,
  };
}
