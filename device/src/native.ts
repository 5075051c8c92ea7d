import { BeltsightError } from '@beltsight/sdk';
import koffi from 'koffi';

/**
 * Stack of Koffi's calls on other threads: shader compilers and engine builders overflow its default. Pages that are not touched
 * cost nothing.
 */
const STACK_BYTES = 8 * 2 ** 20;
try {
  koffi.config({ ...koffi.config(), async_stack_size: STACK_BYTES });
} catch {
  // The program that embeds the device has loaded a library before, which settles it: only what needs the stack complains.
}

export type NativeLibrary = ReturnType<typeof koffi.load>;

/** Handles of everything that was loaded: koffi unloads a library whose handle is collected, under the feet of its functions. */
const loaded = new Map<string, NativeLibrary>();

/**
 * Loads a shared library for as long as the process lives.
 * @throws Error of the loader
 */
export function loadLibrary(name: string): NativeLibrary {
  const known = loaded.get(name);
  if (known) return known;
  const library = koffi.load(name);
  loaded.set(name, library);
  return library;
}

/**
 * Checks that what runs on other threads has stack enough for shader compilers and engine builders.
 * @throws BeltsightError RUNTIME_UNAVAILABLE if another module loaded a library by Koffi before this one was imported
 */
export function requireStack(): void {
  if ((koffi.config().async_stack_size ?? 0) >= STACK_BYTES) return;
  throw new BeltsightError(
    'RUNTIME_UNAVAILABLE',
    `Another module of this program loaded a library by Koffi first, and calls on other threads are left with too little stack: import @beltsight/device before it, or have it call koffi.config({ async_stack_size: ${STACK_BYTES} }) before it loads anything.`,
  );
}
