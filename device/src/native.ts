import koffi from 'koffi';

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
