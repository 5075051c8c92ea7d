import type { Colour, FieldOrder } from '../abi/colour.js';
import type { PixelFormat } from '../abi/formats.js';

/** One colour plane of a frame. */
export interface FramePlane {
  readonly data: Uint8Array;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly rows: number;
}

/**
 * A frame, copied out of the driver's memory. Its data lie on shared memory that is used again: they are valid until the next frame is
 * taken. Copy what has to live longer.
 */
export interface Frame {
  readonly format: PixelFormat;
  /** The driver's four-character code. */
  readonly fourcc: string;
  readonly width: number;
  readonly height: number;
  /** All planes, one after the other without a gap, or the compressed picture. Backed by a SharedArrayBuffer. */
  readonly data: Uint8Array;
  /** The colour planes in `data`: one for packed formats, Y and interleaved chroma for NV12, none for MJPG. */
  readonly planes: readonly FramePlane[];
  /** Bytes that the driver filled, of each piece of its memory. */
  readonly bytesUsed: readonly number[];
  /** The driver's number of the frame: 32 bits, with a gap for every frame that was lost before the driver could give it. */
  readonly sequence: number;
  /** The driver's time in microseconds, by {@link clock}. */
  readonly timestampUs: number;
  /** `monotonic` is the clock of `process.hrtime`; `copy` comes from whoever feeds the device. */
  readonly clock: 'monotonic' | 'copy' | 'unknown';
  /** What the driver took the time of. */
  readonly timestampOf: 'end-of-frame' | 'start-of-exposure';
  readonly field: FieldOrder;
  readonly colour: Colour;
  /** The driver marked the data as damaged, or gave fewer bytes than the format has (those missing are zero). */
  readonly error: boolean;
}
