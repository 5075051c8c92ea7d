import { OPEN } from './abi/constants.js';
import type { Ioctl } from './abi/ioctl.js';
import { ERRNO, systemError, V4l2Error } from './errors.js';
import type { Libc, Mapping } from './libc.js';
import type { Memory } from './memory.js';

/** An open device file: system calls that throw errors with the device's name, and are made again when a signal came between. */
export class Handle {
  #fd: number;

  private constructor(
    readonly libc: Libc,
    readonly path: string,
    fd: number,
  ) {
    this.#fd = fd;
  }

  /** @throws V4l2Error */
  static open(libc: Libc, path: string): Handle {
    const fd = again(() => libc.open(path, OPEN.RDWR | OPEN.NONBLOCK | OPEN.CLOEXEC));
    if (fd < 0) throw systemError(path, 'open', -fd);
    return new Handle(libc, path, fd);
  }

  /** @throws V4l2Error */
  ioctl(ioctl: Ioctl, argument: Memory): void {
    const errno = this.tryIoctl(ioctl, argument);
    if (errno !== 0) throw systemError(this.path, ioctl.name, errno);
  }

  /** The same, for calls that may fail: answers with the error number, 0 for success. */
  tryIoctl(ioctl: Ioctl, argument: Memory): number {
    const fd = this.#open();
    const result = again(() => this.libc.ioctl(fd, ioctl.request, argument.bytes));
    return result < 0 ? -result : 0;
  }

  /** @throws V4l2Error */
  map(length: number, offset: number): Mapping {
    const mapping = this.libc.mmap(this.#open(), length, offset);
    if (typeof mapping === 'number') throw systemError(this.path, 'mmap', -mapping);
    return mapping;
  }

  /**
   * Events that the device has, 0 if none came in time.
   * @throws V4l2Error
   */
  poll(events: number, timeoutMs: number): number {
    const result = this.libc.poll(this.#open(), events, timeoutMs);
    if (result === -ERRNO.EINTR) return 0;
    if (result < 0) throw systemError(this.path, 'poll', -result);
    return result;
  }

  /** Linux frees the descriptor whatever close answers. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.libc.close(fd);
  }

  #open(): number {
    if (this.#fd < 0)
      throw new V4l2Error('V4L2_STATE', `${this.path} was closed: open it anew.`, { device: this.path });
    return this.#fd;
  }
}

function again(call: () => number): number {
  let result = call();
  while (result === -ERRNO.EINTR) result = call();
  return result;
}
