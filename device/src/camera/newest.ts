import type { CameraFault, Frame } from './frame.js';
import { relay } from './relay.js';

/**
 * Passes on the newest frame alone: when one arrives before the last was taken, the older is dropped. So latency and
 * memory stay bounded however slow the consumer. Of faults, too, the last one is kept.
 */
export function newest(
  frames: AsyncIterable<Frame | CameraFault>,
  dropped: () => void,
): AsyncGenerator<Frame | CameraFault> {
  let waiting: Frame | undefined;
  let fault: CameraFault | undefined;
  return relay(frames, {
    put(item) {
      if ('fault' in item) {
        fault = item;
        return;
      }
      if (waiting) dropped();
      waiting = item;
    },
    take() {
      const item = fault ?? waiting;
      if (item === fault) fault = undefined;
      else waiting = undefined;
      return item;
    },
  });
}
