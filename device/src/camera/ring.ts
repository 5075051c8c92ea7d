/**
 * Memory for the frames of one camera, used again and again: one frame is being filled, one waits, one is inspected, and one is being
 * published. A frame's pixels are therefore its own until the third frame after it.
 */
export class FrameRing {
  #buffers: Uint8Array[] = [];
  #next = 0;

  /** Memory of `bytes` for the next frame. */
  take(bytes: number): Uint8Array {
    if (this.#buffers[0]?.length !== bytes) {
      this.#buffers = Array.from({ length: SLOTS }, () => new Uint8Array(bytes));
      this.#next = 0;
    }
    const buffer = this.#buffers[this.#next] as Uint8Array;
    this.#next = (this.#next + 1) % SLOTS;
    return buffer;
  }
}

const SLOTS = 4;
