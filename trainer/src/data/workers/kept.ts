/** Bytes before the pixels: an Int32 that is 1 once they are all there. */
const HEADER = 4;

/** Memory for the pixels of one image, [S,S,3] of 8 bits, that threads share. */
export function keptImage(size: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER + size * size * 3);
}

/** The pixels that are kept there, or undefined as long as no thread has put them. */
export function readKept(kept: SharedArrayBuffer): Uint8Array | undefined {
  return Atomics.load(new Int32Array(kept, 0, 1), 0) === 1 ? new Uint8Array(kept, HEADER) : undefined;
}

/** Keeps `pixels`. Two threads may do so at once: they write the same bytes. */
export function writeKept(kept: SharedArrayBuffer, pixels: Uint8Array): void {
  new Uint8Array(kept, HEADER).set(pixels);
  Atomics.store(new Int32Array(kept, 0, 1), 0, 1);
}
