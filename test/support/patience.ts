import { vi } from 'vitest';

/** vi.waitFor with the patience that a loaded machine needs. */
export function waitFor<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 });
}
