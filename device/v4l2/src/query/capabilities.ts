import { BUF_TYPE, type BufType, CAP } from '../abi/constants.js';
import { QUERYCAP } from '../abi/ioctl.js';
import { v4l2_capability } from '../abi/structs.js';
import { V4l2Error } from '../errors.js';
import type { Handle } from '../handle.js';
import { Memory } from '../memory.js';

/** What a device is and can do (VIDIOC_QUERYCAP). */
export interface Capabilities {
  readonly driver: string;
  /** Name of the product. */
  readonly card: string;
  /** Where it is plugged in, such as `usb-0000:00:14.0-2`. */
  readonly busInfo: string;
  /** Version of the kernel's media subsystem, such as `6.1.0`. */
  readonly version: string;
  /** How it captures video: frames in one piece of memory, or colour planes in memory of their own; undefined if it does not. */
  readonly capture: 'single-planar' | 'multi-planar' | undefined;
  /** Whether it gives frames in mapped memory. */
  readonly streaming: boolean;
  /** V4L2_CAP_* of this device file. */
  readonly flags: number;
}

export function capabilitiesOf(handle: Handle): Capabilities {
  const memory = Memory.of(v4l2_capability);
  handle.ioctl(QUERYCAP, memory);
  const { fields } = v4l2_capability;
  const all = fields.capabilities.get(memory.view);
  const version = fields.version.get(memory.view);
  // The driver as a whole can do more than this one device file.
  const flags = has(all, CAP.DEVICE_CAPS) ? fields.device_caps.get(memory.view) : all;
  return {
    driver: fields.driver.get(memory.view),
    card: fields.card.get(memory.view),
    busInfo: fields.bus_info.get(memory.view),
    version: `${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`,
    capture: captureOf(flags),
    streaming: has(flags, CAP.STREAMING),
    flags,
  };
}

/**
 * The buffer type that the device captures into.
 * @throws V4l2Error V4L2_NOT_CAPTURE
 */
export function captureTypeOf({ path }: Handle, { capture, streaming, card }: Capabilities): BufType {
  if (capture === undefined || !streaming) {
    const what = capture === undefined ? 'does not capture video' : 'does not stream';
    throw new V4l2Error('V4L2_NOT_CAPTURE', `${path} (${card}) ${what}: listDevices() gives those that do.`, {
      device: path,
    });
  }
  return capture === 'single-planar' ? BUF_TYPE.VIDEO_CAPTURE : BUF_TYPE.VIDEO_CAPTURE_MPLANE;
}

function captureOf(flags: number): Capabilities['capture'] {
  if (has(flags, CAP.VIDEO_CAPTURE)) return 'single-planar';
  return has(flags, CAP.VIDEO_CAPTURE_MPLANE) ? 'multi-planar' : undefined;
}

const has = (flags: number, flag: number): boolean => (flags & flag) !== 0;
