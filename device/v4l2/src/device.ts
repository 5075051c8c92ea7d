import type { BufType } from './abi/constants.js';
import type { Control, ControlValue } from './controls/control.js';
import { controlsOf, findControl } from './controls/enumerate.js';
import { getControl, setControl } from './controls/value.js';
import { Handle } from './handle.js';
import { type Libc, systemLibc } from './libc.js';
import { resolveDevice } from './list.js';
import { type Capabilities, capabilitiesOf, captureTypeOf } from './query/capabilities.js';
import { type Format, type FormatRequest, getFormat, getInterval, setFormat, setInterval } from './query/format.js';
import {
  type FormatDescription,
  type Fraction,
  type FrameInterval,
  type FrameSize,
  formatsOf,
  frameIntervalsOf,
  frameSizesOf,
} from './query/formats.js';

/** A device that is asked and set, without capturing. All calls are short and block; close it when done. */
export class Device {
  readonly capabilities: Capabilities;
  readonly #type: BufType;

  /** For the capture session, which maps memory of the same open file. */
  constructor(readonly handle: Handle) {
    this.capabilities = capabilitiesOf(handle);
    this.#type = captureTypeOf(handle, this.capabilities);
  }

  get path(): string {
    return this.handle.path;
  }

  /** enum v4l2_buf_type of its frames. */
  get bufferType(): BufType {
    return this.#type;
  }

  formats(): FormatDescription[] {
    return formatsOf(this.handle, this.#type);
  }

  /** @param fourcc four-character code of {@link formats} */
  frameSizes(fourcc: string): FrameSize[] {
    return frameSizesOf(this.handle, fourcc);
  }

  frameIntervals(fourcc: string, width: number, height: number): FrameInterval[] {
    return frameIntervalsOf(this.handle, fourcc, width, height);
  }

  /** What the device is set to. */
  format(): Format {
    return getFormat(this.handle, this.#type);
  }

  /** Sets the format, and answers with what the driver made of it: the nearest that it has. */
  setFormat(request: FormatRequest): Format {
    return setFormat(this.handle, this.#type, request);
  }

  /** Seconds between frames, if the driver knows. */
  interval(): Fraction | undefined {
    return getInterval(this.handle, this.#type);
  }

  /** Sets the time between frames, and answers with the nearest that the driver has; undefined where it has no say in it. */
  setInterval(interval: Fraction): Fraction | undefined {
    return setInterval(this.handle, this.#type, interval);
  }

  controls(): Control[] {
    return controlsOf(this.handle);
  }

  /** @throws V4l2Error V4L2_CONTROL_UNKNOWN, V4L2_CONTROL_INVALID */
  getControl(name: string): ControlValue {
    return getControl(this.handle, findControl(this.path, this.controls(), name));
  }

  /** @throws V4l2Error V4L2_CONTROL_UNKNOWN, V4L2_CONTROL_INVALID saying what the control takes */
  setControl(name: string, value: ControlValue): void {
    setControl(this.handle, findControl(this.path, this.controls(), name), value);
  }

  close(): void {
    this.handle.close();
  }
}

/**
 * Opens a capture device, by path or id, to ask it or to set it. Opening does not start the camera, and works while another process captures.
 * @throws V4l2Error V4L2_NOT_FOUND, V4L2_DENIED, V4L2_NOT_CAPTURE, ...
 */
export function openDevice(device: string, libc: Libc = systemLibc()): Device {
  const handle = Handle.open(libc, resolveDevice(libc, device));
  try {
    return new Device(handle);
  } catch (error) {
    handle.close();
    throw error;
  }
}
