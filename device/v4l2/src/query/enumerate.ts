import type { Ioctl } from '../abi/ioctl.js';
import { ERRNO, systemError } from '../errors.js';
import type { Handle } from '../handle.js';
import type { Memory } from '../memory.js';

/** No driver has as many: an end for one that never says EINVAL. */
const MAX_ENTRIES = 4096;

/** Entries of a list that the kernel gives by index until it answers EINVAL; none where the driver has no such list. */
export function enumerate<T>(
  handle: Handle,
  ioctl: Ioctl,
  ask: (index: number) => Memory,
  read: (view: DataView) => T,
): T[] {
  const entries: T[] = [];
  while (entries.length < MAX_ENTRIES) {
    const memory = ask(entries.length);
    const errno = handle.tryIoctl(ioctl, memory);
    if (errno === ERRNO.EINVAL || errno === ERRNO.ENOTTY) break;
    if (errno !== 0) throw systemError(handle.path, ioctl.name, errno);
    entries.push(read(memory.view));
  }
  return entries;
}
