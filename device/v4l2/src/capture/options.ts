import type { PixelFormat } from '../abi/formats.js';
import type { ControlValue } from '../controls/control.js';
import { V4l2Error } from '../errors.js';

/** What to capture. */
export interface CameraOptions {
  /** Path of a device (links under /dev/v4l work, too), or an `id` of `listDevices()`. */
  readonly device: string;
  /** Wanted pixel format, or several, best first. By default what the device is set to, or else the first that the package reads. */
  readonly format?: PixelFormat | readonly PixelFormat[];
  /** Size in pixels: both or neither. The device has to have exactly this size. By default what it is set to. */
  readonly width?: number;
  readonly height?: number;
  /** Frames a second. The driver takes the nearest that it has: see `format.fps` of the camera. */
  readonly fps?: number;
  /** Controls by name, set in this order before the first frame. */
  readonly controls?: Readonly<Record<string, ControlValue>>;
  /** Buffers of the driver, 4 by default. A frame is lost when all of them are full: more bridge longer pauses of the capture thread. */
  readonly buffers?: number;
}

/** VIDEO_MAX_FRAME of linux/videodev2.h. */
const MAX_BUFFERS = 32;
export const DEFAULT_BUFFERS = 4;

/** @throws V4l2Error V4L2_ARGUMENT_INVALID */
export function checkOptions({ device, width, height, fps, buffers }: CameraOptions): void {
  const refuse = (what: string) => {
    throw new V4l2Error('V4L2_ARGUMENT_INVALID', what);
  };
  if (typeof device !== 'string' || device === '')
    refuse('device is missing: give a path such as /dev/video0, or an id.');
  if ((width === undefined) !== (height === undefined)) refuse('width and height go together: give both or neither.');
  for (const [name, pixels] of Object.entries({ width, height })) {
    const fits = pixels === undefined || (Number.isInteger(pixels) && pixels > 0 && pixels <= 0xffff);
    if (!fits) refuse(`${name} is a whole number of pixels from 1 to 65535, not ${pixels}.`);
  }
  if (fps !== undefined && !(fps > 0 && fps <= 100_000)) refuse(`fps is a number above 0, not ${fps}.`);
  const count = buffers ?? DEFAULT_BUFFERS;
  if (!Number.isInteger(count) || count < 2 || count > MAX_BUFFERS) {
    refuse(`buffers is a whole number from 2 to ${MAX_BUFFERS}, not ${buffers}.`);
  }
}
