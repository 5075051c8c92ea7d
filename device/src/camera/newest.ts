import { type CameraFault, copied, type Frame } from './frame.js';
import { relay } from './relay.js';
import { FrameRing } from './ring.js';

/**
 * Passes on the newest frame alone: when one arrives before the last was taken, the older is dropped. So latency and
 * memory stay bounded however slow the consumer. Of faults, too, the last one is kept. The camera goes on meanwhile, so frames are copied:
 * one waits, and the one that was taken is left alone until the next is asked for.
 */
export function newest(
  frames: AsyncIterable<Frame | CameraFault>,
  dropped: () => void,
): AsyncGenerator<Frame | CameraFault> {
  const memory = new FrameRing();
  let waiting: Frame | undefined;
  let fault: CameraFault | undefined;
  return relay(frames, {
    put(item) {
      if ('fault' in item) {
        fault = item;
        return;
      }
      if (waiting) dropped();
      // The memory's turn comes with a frame that is taken, not with each of the camera.
      waiting = copied(item, waiting?.data ?? memory.take(item.data.length));
    },
    take() {
      const item = fault ?? waiting;
      if (item === fault) fault = undefined;
      else waiting = undefined;
      return item;
    },
  });
}
