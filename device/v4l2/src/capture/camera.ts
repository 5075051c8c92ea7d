import type { Control, ControlValue } from '../controls/control.js';
import { V4l2Error } from '../errors.js';
import type { Capabilities } from '../query/capabilities.js';
import type { Frame } from './frame.js';
import type { StreamFormat } from './geometry.js';
import { Link } from './link.js';
import { type CameraOptions, checkOptions } from './options.js';
import type { Opened } from './protocol.js';
import { FrameReader } from './shared-frames.js';
import { type Spawn, spawnThread } from './spawn.js';

/** What happened to a camera's frames since it was opened. */
export interface CameraStats {
  /** Frames that the consumer got. */
  readonly delivered: number;
  /** Frames that went stale: a newer one came before the consumer was ready. */
  readonly dropped: number;
  /** Frames that the driver numbered and never gave. */
  readonly lost: number;
  /** Frames that the driver marked as damaged or gave too few bytes of; they are among the delivered and dropped ones. */
  readonly errors: number;
}

/** What can be listened to; a listener that answers with a promise is waited for before the next frame. */
export interface CameraEvents {
  frame: (frame: Frame) => void | Promise<void>;
  error: (error: V4l2Error) => void;
  close: () => void;
}

/**
 * A camera that captures, in a thread of its own, until it is closed or fails. Iterating gives the newest frame each time: those that
 * come while the consumer is busy replace each other, and are counted. The process lives until the camera is closed.
 */
export class Camera implements AsyncIterable<Frame> {
  readonly device: string;
  readonly capabilities: Capabilities;
  readonly format: StreamFormat;
  readonly #reader: FrameReader;
  readonly #listeners: { readonly [E in keyof CameraEvents]: Set<CameraEvents[E]> } = {
    frame: new Set(),
    error: new Set(),
    close: new Set(),
  };
  #delivered = 0;
  #consumed = false;
  #pumping = false;
  #ended = false;
  #failure: V4l2Error | undefined;

  /** @see openCamera */
  constructor(
    private readonly link: Link,
    private readonly bell: Bell,
    { path, capabilities, format, frames }: Opened,
  ) {
    this.device = path;
    this.capabilities = capabilities;
    this.format = format;
    this.#reader = new FrameReader(frames, format);
    link.ended.then((failure) => {
      this.#ended = true;
      this.#failure = failure;
      bell.ring();
      if (failure) for (const listener of this.#listeners.error) listener(failure);
      for (const listener of this.#listeners.close) listener();
    });
  }

  get stats(): CameraStats {
    const { stale, lost, errors } = this.#reader.counts;
    return { delivered: this.#delivered, dropped: stale, lost, errors };
  }

  /**
   * Frames, always the newest, until the camera is closed. Leaving the loop lets the camera run, and another loop may follow.
   * @throws V4l2Error V4L2_GONE, V4L2_IO, ... when the camera fails; V4L2_STATE if its frames are being read elsewhere
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Frame, void, void> {
    if (this.#consumed) {
      throw new V4l2Error(
        'V4L2_STATE',
        `Frames of ${this.device} are already being read: there is one reader at a time.`,
        {
          device: this.device,
        },
      );
    }
    this.#consumed = true;
    try {
      for (let frame = await this.#next(); frame; frame = await this.#next()) {
        this.#delivered++;
        yield frame;
      }
    } finally {
      this.#consumed = false;
    }
  }

  /**
   * Calls a function for every frame (the newest, as in a loop), for the failure that ends the camera, or when it has ended. Without a
   * listener for `error`, a failure of the camera is an unhandled rejection once frames are listened to.
   * @returns a function that takes the listener away
   */
  on<E extends keyof CameraEvents>(event: E, listener: CameraEvents[E]): () => void {
    const listeners = this.#listeners[event];
    listeners.add(listener);
    if (event === 'frame' && !this.#pumping) void this.#pump();
    return () => listeners.delete(listener);
  }

  controls(): Promise<Control[]> {
    return this.link.call('controls');
  }

  /** @throws V4l2Error V4L2_CONTROL_UNKNOWN, V4L2_CONTROL_INVALID */
  getControl(name: string): Promise<ControlValue> {
    return this.link.call('getControl', name);
  }

  /** @throws V4l2Error V4L2_CONTROL_UNKNOWN, V4L2_CONTROL_INVALID saying what the control takes */
  setControl(name: string, value: ControlValue): Promise<void> {
    return this.link.call('setControl', name, value);
  }

  /** Ends the capture, and loops over its frames at once; fulfilled once the device is free, which a driver that hangs puts off. */
  async close(): Promise<void> {
    this.#ended = true;
    this.bell.ring();
    this.link.close();
    await this.link.ended;
  }

  /** The newest frame, as soon as there is one that was not taken; undefined once the camera is closed. */
  async #next(): Promise<Frame | undefined> {
    while (!this.#ended) {
      const ready = this.#reader.take();
      if (ready) return ready;
      this.#reader.arm();
      // One may have come between the two.
      const late = this.#reader.take();
      if (late) return late;
      await this.bell.rung();
    }
    if (this.#failure) throw this.#failure;
    return undefined;
  }

  async #pump(): Promise<void> {
    const { frame: listeners, error: errors } = this.#listeners;
    this.#pumping = true;
    try {
      for await (const frame of this) {
        if (listeners.size === 0) return;
        await Promise.all([...listeners].map((listener) => listener(frame)));
      }
    } catch (error) {
      if (error !== this.#failure || errors.size === 0) throw error;
    } finally {
      this.#pumping = false;
    }
  }
}

/** Wakes one waiter. A ring that nobody waits for is kept. */
class Bell {
  #wake: (() => void) | undefined;
  #kept = false;

  ring(): void {
    this.#kept = this.#wake === undefined;
    this.#wake?.();
    this.#wake = undefined;
  }

  async rung(): Promise<void> {
    if (!this.#kept) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#kept = false;
  }
}

/**
 * Opens a camera and starts it.
 * @param spawn starts the capture thread; for tests
 * @throws V4l2Error naming the device, what failed, and the remedy
 */
export async function openCamera(options: CameraOptions, spawn: Spawn = spawnThread): Promise<Camera> {
  checkOptions(options);
  const bell = new Bell();
  const link = new Link(spawn(options), () => bell.ring());
  return new Camera(link, bell, await link.opened);
}
