import type { FrameSpec } from '@beltsight/sdk/preprocess';
import type { FrameRing } from '../ring.js';
import type { ByteReader } from './byte-reader.js';

/** One frame of a program's output. */
export interface StreamedFrame extends FrameSpec {
  readonly data: Uint8Array;
  /** When it was taken, in milliseconds since some instant that the program chose; absent where the stream does not say. */
  readonly timeMs?: number;
}

/** Takes a program's output apart. Throws where it is not what it should be. */
export type FrameStream = (bytes: ByteReader, ring: FrameRing) => AsyncIterable<StreamedFrame>;

/** Frames of more pixels are refused before memory is taken for them. */
export const MAX_FRAME_PIXELS = 64_000_000;
