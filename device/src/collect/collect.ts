import { type Camera, capturedAt } from '../camera/frame.js';
import type { RgbConverter } from '../camera/rgb.js';
import { type ChoiceLimits, Chooser, type Rejection } from './choose.js';
import type { ImageStore } from './store.js';
import { lookAt } from './thumbnail.js';

export interface CollectOptions extends ChoiceLimits {
  readonly camera: Camera;
  readonly converter: RgbConverter;
  readonly store: ImageStore;
  /** Images that shall be there in the end, those that are there already counted. */
  readonly count: number;
  /** Goes into the line on each image. */
  readonly about: object;
  /** Hears of every image that was looked at. */
  readonly seen: (progress: Progress) => void;
}

export interface Progress {
  readonly kept: number;
  readonly rejected: Readonly<Record<Rejection, number>>;
  /** A fault of the camera; it goes on. */
  readonly fault?: string;
}

/**
 * Keeps images of good products until there are enough, the camera has no more, or the signal ends it. Goes on where it was stopped.
 * @throws BeltsightError IO_FAILED if an image cannot be written, CAMERA_FAILED if the camera fails
 */
export async function collect(options: CollectOptions, signal: AbortSignal): Promise<Progress> {
  const { camera, converter, store, count, about, seen } = options;
  const chooser = new Chooser(options, await store.thumbnails());
  const rejected: Record<Rejection, number> = { duplicate: 0, blurred: 0 };
  const progress = () => ({ kept: store.files.length, rejected: { ...rejected } });
  if (store.files.length >= count) return progress();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    for await (const item of camera.frames(either)) {
      if ('fault' in item) {
        seen({ ...progress(), fault: item.fault });
        continue;
      }
      const { format, width, height, sequence, source } = item;
      const picture = await converter.convert(item);
      const look = await lookAt(picture);
      const rejection = chooser.consider(look);
      if (rejection) rejected[rejection]++;
      else {
        const frame = { format, width, height, sequence, ...(source === undefined ? {} : { source }) };
        await store.add(picture, capturedAt(item), {
          ...about,
          frame,
          sharpness: Math.round(look.sharpness * 100) / 100,
        });
      }
      seen(progress());
      if (store.files.length >= count || signal.aborted) break;
    }
  } finally {
    stop.abort();
  }
  return progress();
}
