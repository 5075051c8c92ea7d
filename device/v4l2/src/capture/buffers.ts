import { BUF_TYPE, MEMORY_MMAP } from '../abi/constants.js';
import { DQBUF, QBUF, QUERYBUF, REQBUFS, STREAMOFF, STREAMON } from '../abi/ioctl.js';
import { MAX_PLANES, v4l2_buffer, v4l2_plane, v4l2_requestbuffers } from '../abi/structs.js';
import type { Device } from '../device.js';
import { ERRNO, systemError, V4l2Error } from '../errors.js';
import type { Mapping } from '../libc.js';
import { Memory } from '../memory.js';

const { fields } = v4l2_buffer;

/** What the driver says of a frame, and its bytes. They are the driver's memory: not to be touched after {@link Buffers.queue}. */
export interface Filled {
  readonly index: number;
  readonly sequence: number;
  readonly flags: number;
  readonly field: number;
  readonly timestampUs: number;
  /** Payload of each piece of memory, and the bytes that the driver says are used. */
  readonly memory: readonly { readonly bytes: Uint8Array; readonly bytesUsed: number }[];
}

/** The buffers of a stream: memory of the driver, mapped. Empty until {@link start}, and again after {@link stop}. */
export class Buffers {
  readonly #type: number;
  readonly #mappings: Mapping[][] = [];
  readonly #buffer = Memory.of(v4l2_buffer);
  readonly #planes = new Memory(v4l2_plane.size * MAX_PLANES);
  #requested = false;
  #streaming = false;

  constructor(private readonly device: Device) {
    this.#type = device.bufferType;
  }

  get count(): number {
    return this.#mappings.length;
  }

  /**
   * Maps buffers, hands all of them to the driver and starts the stream.
   * @throws V4l2Error with nothing left behind
   */
  start(count: number): void {
    try {
      const granted = this.#request(count);
      if (granted === 0) throw systemError(this.device.path, REQBUFS.name, ERRNO.ENOMEM);
      for (let index = 0; index < granted; index++) this.#map(index);
      for (let index = 0; index < granted; index++) this.queue(index);
      this.#stream(STREAMON);
      this.#streaming = true;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * Takes the oldest filled buffer.
   * @returns undefined if there is none
   * @throws V4l2Error
   */
  dequeue(): Filled | undefined {
    this.#prepare(0);
    const errno = this.device.handle.tryIoctl(DQBUF, this.#buffer);
    if (errno === ERRNO.EAGAIN) return undefined;
    if (errno !== 0) throw systemError(this.device.path, DQBUF.name, errno);
    const { view } = this.#buffer;
    const index = fields.index.get(view);
    const mappings = this.#mappings[index];
    if (!mappings) {
      throw new V4l2Error('V4L2_FAILED', `${this.device.path} filled buffer ${index}, which it does not have.`, {
        device: this.device.path,
        call: DQBUF.name,
      });
    }
    return {
      index,
      sequence: fields.sequence.get(view),
      flags: fields.flags.get(view),
      field: fields.field.get(view),
      timestampUs:
        Number(fields['timestamp.tv_sec'].get(view)) * 1_000_000 + Number(fields['timestamp.tv_usec'].get(view)),
      memory: mappings.map(({ bytes }, plane) => this.#payload(bytes, plane)),
    };
  }

  /**
   * Gives a buffer back to be filled.
   * @throws V4l2Error
   */
  queue(index: number): void {
    this.#prepare(index);
    this.device.handle.ioctl(QBUF, this.#buffer);
  }

  /**
   * Stops the stream and gives all memory back. Every step is taken, whatever the one before it did: a driver whose buffers stay
   * mapped answers the next VIDIOC_S_FMT with EBUSY, even to another process. Errors are of no use here: the device may be gone.
   */
  stop(): void {
    const attempts: (() => void)[] = [];
    if (this.#streaming) attempts.push(() => this.#stream(STREAMOFF));
    for (const mapping of this.#mappings.flat()) attempts.push(() => this.device.handle.libc.munmap(mapping));
    if (this.#requested) attempts.push(() => this.#request(0));
    this.#mappings.length = 0;
    this.#streaming = false;
    for (const attempt of attempts) {
      try {
        attempt();
      } catch {
        // The next step, and in the end closing the file, set free what this one did not.
      }
    }
    this.#requested = false;
  }

  #stream(ioctl: typeof STREAMON): void {
    const type = new Memory(ioctl.size);
    type.view.setInt32(0, this.#type, true);
    this.device.handle.ioctl(ioctl, type);
  }

  /** Answers with the number of buffers that the driver made, which may be another. */
  #request(count: number): number {
    const memory = Memory.of(v4l2_requestbuffers, { count, type: this.#type, memory: MEMORY_MMAP });
    this.#requested = true;
    this.device.handle.ioctl(REQBUFS, memory);
    return v4l2_requestbuffers.fields.count.get(memory.view);
  }

  #map(index: number): void {
    this.#prepare(index);
    this.device.handle.ioctl(QUERYBUF, this.#buffer);
    const { view } = this.#buffer;
    const mappings: Mapping[] = [];
    this.#mappings[index] = mappings;
    if (this.#type === BUF_TYPE.VIDEO_CAPTURE) {
      mappings.push(this.device.handle.map(fields.length.get(view), fields['m.offset'].get(view)));
      return;
    }
    // The driver writes the number of planes where their array's length was.
    const planes = Math.min(fields.length.get(view), MAX_PLANES);
    for (let plane = 0; plane < planes; plane++) {
      const base = plane * v4l2_plane.size;
      const { length, 'm.mem_offset': offset } = v4l2_plane.fields;
      mappings.push(this.device.handle.map(length.get(this.#planes.view, base), offset.get(this.#planes.view, base)));
    }
  }

  /** Empties the reused structures for a call about one buffer. */
  #prepare(index: number): void {
    this.#buffer.bytes.fill(0);
    this.#buffer.write(v4l2_buffer, { index, type: this.#type, memory: MEMORY_MMAP });
    if (this.#type === BUF_TYPE.VIDEO_CAPTURE_MPLANE) {
      this.#planes.bytes.fill(0);
      const length = this.#mappings[index]?.length || MAX_PLANES;
      this.#buffer.write(v4l2_buffer, { 'm.planes': this.device.handle.libc.address(this.#planes.bytes), length });
    }
  }

  /** No driver's word is taken for what lies inside of its own buffer. */
  #payload(bytes: Uint8Array, plane: number): { bytes: Uint8Array; bytesUsed: number } {
    if (this.#type === BUF_TYPE.VIDEO_CAPTURE) {
      const bytesUsed = fields.bytesused.get(this.#buffer.view);
      return { bytes: bytes.subarray(0, bytesUsed), bytesUsed };
    }
    const base = plane * v4l2_plane.size;
    const bytesUsed = v4l2_plane.fields.bytesused.get(this.#planes.view, base);
    // bytesused counts the header that data_offset skips.
    return { bytes: bytes.subarray(v4l2_plane.fields.data_offset.get(this.#planes.view, base), bytesUsed), bytesUsed };
  }
}
