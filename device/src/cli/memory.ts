import { loadLibrary } from '../native.js';

/** glibc, malloc.h. */
const [M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX] = [-1, -3, -8];
const LARGE = 128 * 1024;

/**
 * Makes glibc give memory back. By default every thread keeps a heap of its own and large blocks stay in it once freed, which
 * holds some 50 MB that were needed while a model was loaded. Other C libraries do not need it and have no such function.
 */
export function returnFreedMemory(): void {
  try {
    const mallopt = loadLibrary('libc.so.6').func('int mallopt(int parameter, int value)');
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
  } catch {
    // No glibc.
  }
}
