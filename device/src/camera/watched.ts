import { BeltsightError } from '@beltsight/sdk';
import { brightnessOf } from './brightness.js';
import type { Camera, CameraFault, Frame } from './frame.js';

/** What a camera may not show; null: anything. */
export interface Watch {
  /** So many frames in a row that are equal to the byte: a sensor's noise makes no two alike. */
  readonly frozenFrames: number | null;
  /** Mean brightness, 0 to 1, at or below which a frame is black: lens covered, lamp out. */
  readonly darkest: number | null;
  /** Mean brightness at or above which it is saturated. */
  readonly brightest: number | null;
}

/** Frames in a row that must be too dark or too bright: one may fall between two flashes. */
const PERSISTENT = 5;

/**
 * A camera whose frames are looked at before they are inspected. One that hangs fails, and is opened again by whoever reads it; frames
 * without a picture are not inspected, but told of as a fault: a verdict on them would be worth nothing.
 * @param camera its frames have memory of their own or that of a `FrameRing`: each is compared with the one before it
 */
export function watched(camera: Camera, watch: Watch): Camera {
  return {
    name: camera.name,
    paced: camera.paced,
    check: () => camera.check(),
    frames: (signal) => framesOf(camera.name, camera.frames(signal), watch),
  };
}

async function* framesOf(
  name: string,
  items: AsyncIterable<Frame | CameraFault>,
  { frozenFrames, darkest, brightest }: Watch,
): AsyncGenerator<Frame | CameraFault> {
  let previous: Uint8Array | undefined;
  let alike = 1;
  let blind = 0;
  for await (const item of items) {
    if ('fault' in item) {
      yield item;
      continue;
    }
    if (frozenFrames !== null) {
      alike = previous && Buffer.compare(previous, item.data) === 0 ? alike + 1 : 1;
      previous = item.data;
      if (alike >= frozenFrames) {
        throw new BeltsightError(
          'CAMERA_FAILED',
          `Camera "${name}" has given the same image ${alike} times: it hangs, and is opened again. If that does not help, unplug it; if nothing moves before it, set cameras.watch.frozenFrames to null.`,
        );
      }
    }
    const problem = problemOf(item, darkest, brightest);
    blind = problem === undefined ? 0 : blind + 1;
    if (problem !== undefined && blind >= PERSISTENT) yield { fault: `Camera "${name}" ${problem}` };
    else yield item;
  }
}

/** Without the brightness itself: a text that changes with the noise of every frame would be told with every frame. */
function problemOf(frame: Frame, darkest: number | null, brightest: number | null): string | undefined {
  if (darkest === null && brightest === null) return undefined;
  const brightness = brightnessOf(frame);
  if (darkest !== null && brightness <= darkest) {
    return `sees nothing but black (brightness ${percent(darkest)} or less): is the lens covered or the lamp out? Its frames are not inspected.`;
  }
  if (brightest !== null && brightness >= brightest) {
    return `sees nothing but white (brightness ${percent(brightest)} or more): shorten its exposure or dim the lamp. Its frames are not inspected.`;
  }
  return undefined;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
