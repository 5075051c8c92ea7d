import { BeltsightError } from '@beltsight/sdk';
import type { Colorimetry, FrameLayout, PixelFormat } from '@beltsight/sdk/preprocess';
import {
  type Colour,
  openCamera,
  type Spawn,
  type Camera as V4l2Camera,
  V4l2Error,
  type Frame as V4l2Frame,
} from 'node-v4l2';
import type { V4l2Source } from '../config/schema.js';
import { decodeImage } from './decode.js';
import type { Camera, CameraFault, Frame, Picture } from './frame.js';
import { FrameRing } from './ring.js';

/** Damaged frames in a row after which the camera is said to fail; fewer are left out without a word. */
const DAMAGED = 5;

/** A camera of Video4Linux2: USB cameras, capture cards, and sensors whose driver gives finished pictures. */
export class V4l2SourceCamera implements Camera {
  readonly paced = true;

  /** @param spawn starts the capture thread; a test puts one with another driver in its place */
  constructor(
    readonly name: string,
    private readonly source: V4l2Source,
    private readonly spawn?: Spawn,
  ) {}

  async check(): Promise<string> {
    const camera = await this.#open();
    await camera.close();
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
    let damaged = 0;
    let sequence = 0;
    try {
      for await (const frame of camera) {
        if (signal.aborted) return;
        watchdog.refresh();
        const picture = frame.error ? undefined : await pictureOf(frame, ring);
        damaged = picture ? 0 : damaged + 1;
        if (picture) yield { ...picture, sequence: sequence++, capturedAt: capturedAt(frame) };
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
      await camera.close();
    }
    if (signal.aborted) return;
    const problem = stalled ? `has given no frame for ${this.source.stallSeconds} s` : 'has ended';
    throw new BeltsightError('CAMERA_FAILED', `Camera "${this.name}" (${camera.device}) ${problem}.`);
  }

  async #open(): Promise<V4l2Camera> {
    const { device, format, width, height, rateHz, controls } = this.source;
    const options = {
      device,
      controls,
      ...(format === undefined ? {} : { format }),
      ...(width === undefined || height === undefined ? {} : { width, height }),
      ...(rateHz === undefined ? {} : { fps: rateHz }),
    };
    try {
      return await (this.spawn ? openCamera(options, this.spawn) : openCamera(options));
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): unknown {
    if (!(error instanceof V4l2Error)) return error;
    return new BeltsightError('CAMERA_FAILED', `Camera "${this.name}": ${error.message}`, { cause: error });
  }
}

/** The pixels in memory of their own: those of the frame are valid until the next one. Undefined for a JPEG that cannot be decoded. */
async function pictureOf(frame: V4l2Frame, ring: FrameRing): Promise<Picture | undefined> {
  if (frame.format === 'MJPG') {
    return decodeImage(frame.data).catch(() => undefined);
  }
  const layout = layoutOf(frame, frame.format);
  const data = ring.take(layout.bytes);
  layout.copy(data);
  const { format, width, height, stride } = layout;
  return { format, width, height, stride, colour: colourOf(frame.colour), data };
}

/** How the frame will lie in memory, and what brings it there. */
function layoutOf({ width, height, planes, data }: V4l2Frame, format: PixelFormat) {
  const [first, ...chroma] = planes;
  const stride = first?.stride ?? 0;
  const layout: FrameLayout & { stride: number } = { format, width, height, stride };
  // Chroma rows are as long as luma rows (NV12), or half as long where each colour has a plane (YU12).
  const expected = chroma.length === 2 ? stride / 2 : stride;
  if (chroma.every((plane) => plane.stride === expected)) {
    return { ...layout, bytes: data.length, copy: (target: Uint8Array) => target.set(data) };
  }
  const rows = planes.flatMap(({ data: plane, stride: from, rows: count }, i) =>
    Array.from({ length: count }, (_, row) => ({
      plane,
      from: row * from,
      length: Math.min(from, i === 0 ? stride : expected),
    })),
  );
  const bytes = rows.reduce((sum, _, i) => sum + (i < height ? stride : expected), 0);
  const copy = (target: Uint8Array) => {
    let at = 0;
    rows.forEach(({ plane, from, length }, i) => {
      target.set(plane.subarray(from, from + length), at);
      at += i < height ? stride : expected;
    });
  };
  return { ...layout, bytes, copy };
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

/** By the device's clock of the day; drivers that stamp frames ahead of time or by another clock are not believed. */
function capturedAt({ clock, timestampUs }: V4l2Frame): number {
  const now = Date.now();
  if (clock !== 'monotonic') return now;
  const age = Number(process.hrtime.bigint() / 1000n) - timestampUs;
  return age > 0 && age < OLDEST_US ? now - age / 1000 : now;
}
