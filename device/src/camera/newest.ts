import type { CameraFault, Frame } from './frame.js';

/**
 * Passes on the newest frame alone: when one arrives before the last was taken, the older is dropped. So latency and
 * memory stay bounded however slow the consumer. Of faults, too, the last one is kept.
 */
export async function* newest(
  frames: AsyncIterable<Frame | CameraFault>,
  dropped: () => void,
): AsyncGenerator<Frame | CameraFault> {
  let waiting: Frame | undefined;
  let fault: CameraFault | undefined;
  let ended = false;
  let abandoned = false;
  let failure: unknown;
  let wake = () => {};
  const producer = (async () => {
    try {
      for await (const item of frames) {
        if ('fault' in item) {
          fault = item;
        } else {
          if (waiting) dropped();
          waiting = item;
        }
        wake();
        if (abandoned) break;
      }
    } catch (error) {
      failure = error;
    } finally {
      ended = true;
      wake();
    }
  })();
  try {
    while (true) {
      const item = fault ?? waiting;
      if (item) {
        if (item === fault) fault = undefined;
        else waiting = undefined;
        yield item;
      } else if (ended) {
        await producer;
        if (failure) throw failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    abandoned = true;
  }
}
