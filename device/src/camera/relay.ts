import { Condition } from '../condition.js';
import type { CameraFault, Frame } from './frame.js';

/** What stands between a camera that keeps its own pace and whoever takes its frames: it decides which wait, and for how long. */
export interface Box<T> {
  /** A frame or fault has come. */
  put(item: Frame | CameraFault): void;
  /** The next thing to hand over, taken out; undefined: nothing yet. */
  take(): T | undefined;
}

/** Reads the camera without pause, whoever is busy, and hands over what the box gives. `changed` says that it may give something anew. */
export async function* relay<T>(
  items: AsyncIterable<Frame | CameraFault>,
  box: Box<T>,
  changed = new Condition(),
): AsyncGenerator<T> {
  let ended = false;
  let abandoned = false;
  let failure: unknown;
  let next: T | undefined;
  const producer = (async () => {
    try {
      for await (const item of items) {
        box.put(item);
        changed.changed();
        if (abandoned) break;
      }
    } catch (error) {
      failure = error;
    } finally {
      ended = true;
      changed.changed();
    }
  })();
  try {
    while (true) {
      await changed.until(() => {
        next ??= box.take();
        return next !== undefined || ended;
      });
      if (next === undefined) break;
      const item = next;
      next = undefined;
      yield item;
    }
    await producer;
    if (failure) throw failure;
  } finally {
    abandoned = true;
  }
}
