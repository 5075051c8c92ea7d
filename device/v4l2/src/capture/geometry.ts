import type { Colour, FieldOrder } from '../abi/colour.js';
import { type PixelFormat, type PlaneLayout, pixelFormatOf, planesOf } from '../abi/formats.js';
import type { Format } from '../query/format.js';

/** What a camera's frames are like. */
export interface StreamFormat {
  readonly pixelFormat: PixelFormat;
  /** The driver's four-character code: `NM12` is NV12 with its planes in memory of their own. */
  readonly fourcc: string;
  readonly width: number;
  readonly height: number;
  /** Frames a second that the driver promises; undefined where it has no say in it. */
  readonly fps: number | undefined;
  readonly field: FieldOrder;
  readonly colour: Colour;
  /** Colour planes as they lie in a frame's data; none if that is compressed. */
  readonly planes: readonly PlaneLayout[];
  /** Bytes of a frame's data; the most there can be if it is compressed. */
  readonly sizeBytes: number;
}

/** The layout of frames in a format that the driver is set to; undefined if the package cannot read it. */
export function streamFormatOf(format: Format, fps: number | undefined): StreamFormat | undefined {
  const { fourcc, width, height, field, colour, memory } = format;
  const pixelFormat = pixelFormatOf(fourcc);
  if (pixelFormat === undefined) return undefined;
  const planes = planesOf(
    pixelFormat,
    fourcc,
    width,
    height,
    memory.map(({ stride }) => stride),
  );
  const last = planes.at(-1);
  const compressed = memory.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sizeBytes = last ? last.offset + last.sizeBytes : compressed;
  return { pixelFormat, fourcc, width, height, fps, field, colour, planes, sizeBytes };
}

/**
 * Copies a frame out of the driver's memory so that its planes follow each other without a gap: what a driver pads between or behind
 * them is left out. Bytes that the driver did not give are zero.
 * @returns bytes that the frame's data take, and whether they are all there
 */
export function copyPlanes(
  format: Pick<StreamFormat, 'planes' | 'sizeBytes'>,
  memory: readonly { readonly bytes: Uint8Array }[],
  target: Uint8Array,
): { sizeBytes: number; complete: boolean } {
  const { planes, sizeBytes } = format;
  const pieces = planes.length === memory.length ? planes.map((plane) => plane.sizeBytes) : [sizeBytes];
  let [at, there] = [0, 0];
  for (const [i, room] of pieces.entries()) {
    const source = memory[i]?.bytes ?? EMPTY;
    const length = Math.min(room, source.length);
    target.set(length === source.length ? source : source.subarray(0, length), at);
    there += length;
    if (planes.length > 0) target.fill(0, at + length, at + room);
    at += room;
  }
  return planes.length > 0 ? { sizeBytes, complete: there === sizeBytes } : { sizeBytes: there, complete: there > 0 };
}

const EMPTY = new Uint8Array(0);
