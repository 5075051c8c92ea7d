import type { Orientation, Region } from '@beltsight/sdk/preprocess';
import type { Camera, CameraFault, Frame } from './frame.js';

/** Which frames of a camera are looked at, which part of them, and which way up. */
export interface View {
  readonly roi?: Region | undefined;
  /** Degrees clockwise. */
  readonly rotate: Orientation['rotate'];
  /** Left and right exchanged, after the rotation. */
  readonly mirror: boolean;
  /** Every n-th frame by its number, or the first one after it that there is; 1: all. */
  readonly every: number;
  /** At most so many frames a second; null: all. */
  readonly maxRateHz: number | null;
}

/** A camera seen through a view. Frames that the view leaves out keep their numbers, so a result tells which frame it is of. */
export function viewed(camera: Camera, view: View): Camera {
  return {
    name: camera.name,
    paced: camera.paced,
    check: () => camera.check(),
    frames: (signal) => framesOf(camera.frames(signal), view),
  };
}

async function* framesOf(
  items: AsyncIterable<Frame | CameraFault>,
  { roi, rotate, mirror, every, maxRateHz }: View,
): AsyncGenerator<Frame | CameraFault> {
  const orientation = rotate === 0 && !mirror ? undefined : { rotate, mirror };
  const periodMs = maxRateHz === null ? undefined : 1000 / maxRateHz;
  let last: number | undefined;
  let due = Number.NEGATIVE_INFINITY;
  for await (const item of items) {
    if ('fault' in item) {
      yield item;
      continue;
    }
    const turn = Math.floor(item.sequence / every);
    if (turn === last) continue;
    last = turn;
    if (periodMs !== undefined) {
      // Some tolerance, so that a camera of exactly this rate is not halved by its jitter.
      if (item.capturedMs < due - periodMs * JITTER) continue;
      due = Math.max(due + periodMs, item.capturedMs + periodMs * (1 - JITTER));
    }
    yield { ...item, roi, orientation };
  }
}

const JITTER = 0.2;
