import type { FrameSpec } from '@beltsight/sdk/preprocess';

/** Pixels of one picture as a camera gives them, and which part of it counts, which way up. */
export interface Picture extends FrameSpec {
  /** Rows of `stride` bytes, as the format lays them out (see `frameShape` of the SDK). */
  readonly data: Uint8Array;
}

/** What graphs for a picture depend on, as a key: all that describes it but its pixels. */
export function lookKey({ format, width, height, stride, colour, roi, orientation }: Picture): string {
  return JSON.stringify([format, width, height, stride, colour, roi, orientation]);
}

/** A picture that a camera took. */
export interface Frame extends Picture {
  /** Number of the frame since the camera was opened, from 0. Frames that were lost count, where the camera tells of them. */
  readonly sequence: number;
  /** When it was taken, by the clock of `performance.now()`: no setting of the clock moves it. */
  readonly capturedMs: number;
  /** Where it came from if that has a name: the file of a folder camera. */
  readonly source?: string;
}

/** When a frame was taken, in whole milliseconds since 1970, by what the clock of the day says now. Never in the future. */
export function capturedAt({ capturedMs }: Pick<Frame, 'capturedMs'>): number {
  // Date.now() has cut off a part of a millisecond.
  return Math.ceil(Date.now() - (performance.now() - capturedMs));
}

/** A frame with pixels of its own, in the memory given if that has the right size. */
export function copied(frame: Frame, memory?: Uint8Array): Frame {
  if (memory?.length !== frame.data.length) return { ...frame, data: new Uint8Array(frame.data) };
  memory.set(frame.data);
  return { ...frame, data: memory };
}

/** What a camera gave instead of a frame; it goes on with the next one. */
export interface CameraFault {
  readonly fault: string;
}

/**
 * Something that takes pictures. Frames come until the signal stops them or there are none left (a folder that does not
 * loop). A paced camera takes them at its own rate, whether or not somebody is ready; any other waits.
 */
export interface Camera {
  readonly name: string;
  readonly paced: boolean;
  /**
   * Finds out whether the camera can give frames.
   * @returns what was found, in words
   * @throws BeltsightError CAMERA_FAILED, IMAGE_* naming what is wrong and the remedy
   */
  check(): Promise<string>;
  /** The pixels of a frame are there until the next one is asked for; then their memory is used again. Who needs them longer copies them. */
  frames(signal: AbortSignal): AsyncIterable<Frame | CameraFault>;
}
