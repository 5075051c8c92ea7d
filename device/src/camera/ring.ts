/**
 * Memory for the frames of one camera, in two pieces that take turns: a frame's pixels are there until memory for the second frame after it is
 * taken, so that it can be compared with the next one.
 */
export class FrameRing {
  readonly #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  #turn: 0 | 1 = 0;

  /** Memory of `bytes` for the next frame. */
  take(bytes: number): Uint8Array {
    this.#turn = this.#turn === 0 ? 1 : 0;
    if (this.#buffers[this.#turn].length !== bytes) this.#buffers[this.#turn] = new Uint8Array(bytes);
    return this.#buffers[this.#turn];
  }
}
