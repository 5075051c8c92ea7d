import type { Readable } from 'node:stream';

/** Reads exact numbers of bytes from a stream, and stops the sender meanwhile: nothing is queued beyond the pipe and one chunk. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Fills `target`; false if the stream ended before its first byte. */
  async fill(target: Uint8Array): Promise<boolean> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        if (filled === 0) return false;
        throw new RangeError(`The stream ended after ${filled} of ${target.length} bytes.`);
      }
      const part = this.#rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return true;
  }

  /** The next `count` bytes, or undefined at the end of the stream. */
  async bytes(count: number): Promise<Buffer | undefined> {
    const target = Buffer.alloc(count);
    return (await this.fill(target)) ? target : undefined;
  }

  /** The next line without its end, of at most `longest` bytes; undefined at the end of the stream. */
  async line(longest: number): Promise<string | undefined> {
    const bytes: number[] = [];
    while (bytes.length <= longest) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        if (bytes.length === 0) return undefined;
        throw new RangeError('The stream ended within a line.');
      }
      const byte = this.#rest[0] as number;
      this.#rest = this.#rest.subarray(1);
      if (byte === 0x0a) return Buffer.from(bytes).toString('latin1');
      bytes.push(byte);
    }
    throw new RangeError(`The stream holds a line of more than ${longest} bytes.`);
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    this.#rest = value;
    return true;
  }
}
