import { BeltsightError } from '@beltsight/sdk';
import { type Colorimetry, frameShape } from '@beltsight/sdk/preprocess';
import {
  type Colour,
  openCamera,
  type Spawn,
  type Camera as V4l2Camera,
  V4l2Error,
  type Frame as V4l2Frame,
} from 'node-v4l2';
import type { V4l2Source } from '../config/schema.js';
import { atMost } from '../pause.js';
import { decodeImage } from './decode.js';
import { driverMessage } from './driver-message.js';
import type { Camera, CameraFault, Frame, Picture } from './frame.js';
import { FrameNumbers } from './frame-numbers.js';
import { FrameRing } from './ring.js';

/** Damaged frames in a row after which the camera is said to fail; fewer are left out without a word. */
const DAMAGED = 5;

/** Some drivers take seconds to open a camera. */
const OPEN_MS = 30_000;

/** A driver that has not let go of a closed camera after so long hangs. */
const CLOSE_MS = 2000;

/** A camera of Video4Linux2: USB cameras, capture cards, and sensors whose driver gives finished pictures. */
export class V4l2SourceCamera implements Camera {
  readonly paced = true;
  /** Whether the camera is not free again since it was given up. */
  #closing = false;

  /**
   * @param spawn starts the capture thread; a test puts one with another driver in its place
   * @param openMs a driver that has not opened the camera after so long hangs
   */
  constructor(
    readonly name: string,
    private readonly source: V4l2Source,
    private readonly spawn?: Spawn,
    private readonly openMs = OPEN_MS,
  ) {}

  async check(): Promise<string> {
    const camera = await this.#open();
    await this.#close(camera);
    const { pixelFormat, width, height, fps } = camera.format;
    const rate = fps === undefined ? '' : ` at ${Math.round(fps * 100) / 100} Hz`;
    return `${camera.device} (${camera.capabilities.card}): ${width}x${height} ${pixelFormat}${rate}`;
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Frame | CameraFault> {
    const camera = await this.#open();
    const end = () => void camera.close();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    let stalled = false;
    const watchdog = setTimeout(() => {
      stalled = true;
      end();
    }, this.source.stallSeconds * 1000);
    const ring = new FrameRing();
    const numbers = new FrameNumbers();
    let damaged = 0;
    try {
      for await (const frame of camera) {
        if (signal.aborted) return;
        watchdog.refresh();
        const sequence = numbers.next(frame.sequence);
        const picture = frame.error ? undefined : await pictureOf(frame, ring);
        damaged = picture ? 0 : damaged + 1;
        if (picture) yield { ...picture, sequence, capturedMs: capturedMs(frame) };
        else if (damaged >= DAMAGED) {
          yield { fault: `Camera "${this.name}" (${camera.device}) gives damaged frames: check cable, hub and power.` };
        }
        // The time that the frame was looked at is not the driver's.
        watchdog.refresh();
      }
    } catch (error) {
      throw this.#failed(error);
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', end);
      await this.#close(camera);
    }
    if (signal.aborted) return;
    const problem = stalled ? `has given no frame for ${this.source.stallSeconds} s` : 'has ended';
    throw new BeltsightError('CAMERA_FAILED', `Camera "${this.name}" (${camera.device}) ${problem}.`);
  }

  async #open(): Promise<V4l2Camera> {
    const { device, format, width, height, rateHz, controls } = this.source;
    if (this.#closing) throw this.#hangs();
    const options = {
      device,
      controls,
      ...(format === undefined ? {} : { format }),
      ...(width === undefined || height === undefined ? {} : { width, height }),
      ...(rateHz === undefined ? {} : { fps: rateHz }),
    };
    const opening = openCamera(options, this.spawn);
    try {
      const camera = await atMost(this.openMs, opening);
      if (camera) return camera;
    } catch (error) {
      throw this.#failed(error);
    }
    // One that opens after all is closed; one that fails is free as well.
    const closed = opening.then((camera) => camera.close());
    void this.#freed(closed.catch(() => undefined));
    throw this.#hangs();
  }

  async #close(camera: V4l2Camera): Promise<void> {
    await atMost(CLOSE_MS, this.#freed(camera.close()));
  }

  async #freed(closed: Promise<void>): Promise<void> {
    this.#closing = true;
    await closed;
    this.#closing = false;
  }

  #hangs(): BeltsightError {
    const message = `Camera "${this.name}" (${this.source.device}) hangs in its driver: unplug it, or restart the device.`;
    return new BeltsightError('CAMERA_FAILED', message);
  }

  #failed(error: unknown): unknown {
    if (!(error instanceof V4l2Error)) return error;
    return new BeltsightError('CAMERA_FAILED', `Camera "${this.name}": ${driverMessage(error)}`, { cause: error });
  }
}

/** The pixels in memory of their own: those of the frame are valid until the next one. Undefined for a JPEG that cannot be decoded. */
async function pictureOf(frame: V4l2Frame, ring: FrameRing): Promise<Picture | undefined> {
  if (frame.format === 'MJPG') {
    return decodeImage(frame.data).catch(() => undefined);
  }
  const { format, width, height, planes } = frame;
  const stride = planes[0]?.stride ?? 0;
  const layout = { format, width, height, stride };
  const [rows] = frameShape(layout);
  const data = ring.take(rows * stride);
  // Chroma rows are to be as long as luma rows (NV12), or half as long where each colour has a plane (YU12).
  const wanted = planes.map((_, i) => (planes.length === 3 && i > 0 ? stride / 2 : stride));
  if (planes.every((plane, i) => plane.stride === wanted[i])) data.set(frame.data);
  else copyRows(planes, wanted, data);
  return { ...layout, colour: colourOf(frame.colour), data };
}

/** Planes one after the other, with other strides than they have. */
function copyRows(planes: V4l2Frame['planes'], strides: readonly number[], target: Uint8Array): void {
  let at = 0;
  planes.forEach((plane, i) => {
    const stride = strides[i] as number;
    for (let row = 0; row < plane.rows; row++, at += stride) {
      const from = row * plane.stride;
      target.set(plane.data.subarray(from, from + Math.min(plane.stride, stride)), at);
    }
  });
}

/** What linux/videodev2.h makes of a description that leaves things to the default (V4L2_MAP_YCBCR_ENC_DEFAULT, V4L2_MAP_QUANTIZATION_DEFAULT). */
function colourOf({ space, encoding, quantisation }: Colour): Colorimetry {
  const high =
    encoding === '709' ||
    encoding === 'xv709' ||
    (encoding === 'default' && (space === 'rec709' || space === 'dci-p3'));
  const full = quantisation === 'full-range' || (quantisation === 'default' && space === 'jpeg');
  return { matrix: high ? 'bt709' : 'bt601', range: full ? 'full' : 'limited' };
}

const OLDEST_US = 10e6;

/** Drivers that stamp frames ahead of time or by another clock are not believed. */
function capturedMs({ clock, timestampUs }: V4l2Frame): number {
  const now = performance.now();
  if (clock !== 'monotonic') return now;
  const age = Number(process.hrtime.bigint() / 1000n) - timestampUs;
  return age > 0 && age < OLDEST_US ? now - age / 1000 : now;
}
