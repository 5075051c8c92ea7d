import { fieldOf } from '../abi/colour.js';
import { BUF_FLAG } from '../abi/constants.js';
import { type Fields, type Struct, u32 } from '../abi/field.js';
import { MAX_PLANES } from '../abi/structs.js';
import type { Filled } from './buffers.js';
import type { Frame, FramePlane } from './frame.js';
import { copyPlanes, type StreamFormat } from './geometry.js';
import { MAILBOX_BYTES, MailboxReader, MailboxWriter, SLOTS } from './mailbox.js';

/** Counters of the capture thread, 64 bits each, in shared memory. */
const COUNTERS = ['captured', 'stale', 'lost', 'errors'] as const;
type Counter = (typeof COUNTERS)[number];
export type Counts = Readonly<Record<Counter, number>>;

/** What stands before the data of a slot. */
const header = {
  size: 64,
  fields: { sequence: u32(0), flags: u32(4), field: u32(8), pieces: u32(12), dataBytes: u32(24), complete: u32(28) },
} as const satisfies Struct<Fields>;
const TIMESTAMP_OFFSET = 16;
const BYTES_USED_OFFSET = 32;

/** Data begin on a cache line. */
const ALIGNMENT = 64;
const COUNTERS_OFFSET = ALIGNMENT;
const SLOTS_OFFSET = 2 * ALIGNMENT;

/** Memory for the frames of a stream, made once and used again for every frame. */
export function sharedFrames({ sizeBytes }: StreamFormat): SharedArrayBuffer {
  return new SharedArrayBuffer(SLOTS_OFFSET + SLOTS * slotBytes(sizeBytes));
}

const slotBytes = (sizeBytes: number) => header.size + Math.ceil(sizeBytes / ALIGNMENT) * ALIGNMENT;
const slotsOf = (memory: SharedArrayBuffer, { sizeBytes }: StreamFormat) =>
  Array.from({ length: SLOTS }, (_, i) => SLOTS_OFFSET + i * slotBytes(sizeBytes)).map((offset) => ({
    head: new DataView(memory, offset, header.size),
    bytesUsed: new Uint32Array(memory, offset + BYTES_USED_OFFSET, MAX_PLANES),
    data: new Uint8Array(memory, offset + header.size, sizeBytes),
  }));
type Slot = ReturnType<typeof slotsOf>[number];
const wordsOf = (memory: SharedArrayBuffer) => new Int32Array(memory, 0, MAILBOX_BYTES / Int32Array.BYTES_PER_ELEMENT);
const countersOf = (memory: SharedArrayBuffer) => new BigInt64Array(memory, COUNTERS_OFFSET, COUNTERS.length);

/** The capture thread's end of the shared memory. */
export class FrameWriter {
  readonly #mailbox: MailboxWriter;
  readonly #counters: BigInt64Array;
  readonly #slots: readonly Slot[];

  constructor(
    memory: SharedArrayBuffer,
    private readonly format: StreamFormat,
  ) {
    this.#mailbox = new MailboxWriter(wordsOf(memory));
    this.#counters = countersOf(memory);
    this.#slots = slotsOf(memory, format);
  }

  count(counter: Counter, by = 1): void {
    Atomics.add(this.#counters, COUNTERS.indexOf(counter), BigInt(by));
  }

  /**
   * Copies a frame and hands it over.
   * @returns whether the reader waits for a message
   */
  publish(filled: Filled): boolean {
    const { head, bytesUsed, data } = this.#slots[this.#mailbox.slot] as Slot;
    const { sizeBytes, complete } = copyPlanes(this.format, filled.memory, data);
    const { fields } = header;
    fields.sequence.set(head, filled.sequence);
    fields.flags.set(head, filled.flags);
    fields.field.set(head, filled.field);
    fields.pieces.set(head, filled.memory.length);
    fields.dataBytes.set(head, sizeBytes);
    fields.complete.set(head, complete ? 1 : 0);
    head.setFloat64(TIMESTAMP_OFFSET, filled.timestampUs, true);
    for (const [i, piece] of filled.memory.entries()) bytesUsed[i] = piece.bytesUsed;
    if (!complete || (filled.flags & BUF_FLAG.ERROR) !== 0) this.count('errors');
    const { replaced, notify } = this.#mailbox.publish();
    if (replaced) this.count('stale');
    return notify;
  }
}

/** The consumer's end of the shared memory. */
export class FrameReader {
  readonly #mailbox: MailboxReader;
  readonly #counters: BigInt64Array;
  readonly #slots: readonly Slot[];
  readonly #planes: FramePlane[][];

  constructor(
    memory: SharedArrayBuffer,
    private readonly format: StreamFormat,
  ) {
    this.#mailbox = new MailboxReader(wordsOf(memory));
    this.#counters = countersOf(memory);
    this.#slots = slotsOf(memory, format);
    this.#planes = this.#slots.map(({ data }) =>
      format.planes.map(({ stride, rows, offset, sizeBytes }) => ({
        data: data.subarray(offset, offset + sizeBytes),
        stride,
        rows,
      })),
    );
  }

  get counts(): Counts {
    const values = COUNTERS.map((name, i) => [name, Number(Atomics.load(this.#counters, i))]);
    return Object.fromEntries(values) as Counts;
  }

  /** Asks for a message at the next frame. */
  arm(): void {
    this.#mailbox.arm();
  }

  /** The newest frame, valid until the next that is taken; undefined if none came since the last. */
  take(): Frame | undefined {
    const taken = this.#mailbox.take();
    if (taken === undefined) return undefined;
    const { head, bytesUsed, data } = this.#slots[taken] as Slot;
    const { fields } = header;
    const flags = fields.flags.get(head);
    const { pixelFormat, fourcc, width, height, colour } = this.format;
    const dataBytes = fields.dataBytes.get(head);
    return {
      format: pixelFormat,
      fourcc,
      width,
      height,
      colour,
      data: dataBytes === data.length ? data : data.subarray(0, dataBytes),
      planes: this.#planes[taken] as FramePlane[],
      bytesUsed: [...bytesUsed.subarray(0, fields.pieces.get(head))],
      sequence: fields.sequence.get(head),
      timestampUs: head.getFloat64(TIMESTAMP_OFFSET, true),
      clock: clockOf(flags),
      timestampOf:
        (flags & BUF_FLAG.TSTAMP_SRC_MASK) === BUF_FLAG.TSTAMP_SRC_SOE ? 'start-of-exposure' : 'end-of-frame',
      field: fieldOf(fields.field.get(head)),
      error: (flags & BUF_FLAG.ERROR) !== 0 || fields.complete.get(head) === 0,
    };
  }
}

function clockOf(flags: number): Frame['clock'] {
  const type = flags & BUF_FLAG.TIMESTAMP_MASK;
  if (type === BUF_FLAG.TIMESTAMP_MONOTONIC) return 'monotonic';
  return type === BUF_FLAG.TIMESTAMP_COPY ? 'copy' : 'unknown';
}
