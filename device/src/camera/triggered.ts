import { BeltsightError } from '@beltsight/sdk';
import { type CameraFault, copied, type Frame } from './frame.js';
import { relay } from './relay.js';
import type { Shot, TriggerQueue } from './trigger.js';

/** A frame that is to be inspected. */
export interface Taken {
  readonly frame: Frame;
  /** The trigger it is for. */
  readonly shot?: Shot | undefined;
}

/**
 * Of a camera that keeps its own pace, the frames that were asked for, each the first that its trigger can have. It is chosen when it comes,
 * also while another is inspected. The camera goes on meanwhile, so frames are copied: the last one, into the same memory again and again until
 * a trigger takes it away. The trigger's bound on requests is that of the copies.
 * @param passed hears of each frame that no trigger took, when the next one has come
 */
export async function* triggered(
  frames: AsyncIterable<Frame | CameraFault>,
  trigger: TriggerQueue,
  passed: () => void = () => undefined,
): AsyncGenerator<Taken | CameraFault> {
  let ready: Taken[] = [];
  let fault: CameraFault | undefined;
  let last: Frame | undefined;
  const claim = () => {
    const shot = last && trigger.claim(last.capturedMs);
    if (!last || !shot) return;
    ready = ready.filter(isLive);
    ready.push({ frame: last, shot });
    last = undefined;
  };
  const box = {
    put(item: Frame | CameraFault) {
      if ('fault' in item) {
        fault = item;
        return;
      }
      if (last) passed();
      last = copied(item, last?.data);
      claim();
      if (last) trigger.passBy();
    },
    take() {
      const item = fault;
      fault = undefined;
      if (item) return item;
      // A trigger that has come since may be content with the frame that is there.
      claim();
      ready = ready.filter(isLive);
      return ready.shift();
    },
  };
  try {
    yield* relay(frames, box, trigger.asked);
  } finally {
    const ended = new BeltsightError('COMMAND_FAILED', 'The camera failed before its frame was inspected.');
    for (const { shot } of ready) shot?.fail(ended);
  }
}

const isLive = ({ shot }: Taken) => shot?.live ?? true;

/** Of a source that waits, a frame for each trigger: the one it has next, whenever that was taken. */
export async function* onDemand(
  frames: AsyncIterable<Frame | CameraFault>,
  trigger: TriggerQueue,
  signal: AbortSignal,
): AsyncGenerator<Taken | CameraFault> {
  for await (const item of frames) {
    if ('fault' in item) {
      yield item;
      continue;
    }
    await trigger.asked.until(() => trigger.wanted, signal);
    if (signal.aborted) return;
    yield { frame: item, shot: trigger.claim(Number.POSITIVE_INFINITY) };
  }
}
