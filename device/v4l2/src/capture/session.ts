import { BUF_FLAG, POLL } from '../abi/constants.js';
import { type Device, openDevice } from '../device.js';
import { ERRNO, systemError } from '../errors.js';
import type { Libc } from '../libc.js';
import { Buffers, type Filled } from './buffers.js';
import { configure } from './configure.js';
import type { StreamFormat } from './geometry.js';
import { type CameraOptions, DEFAULT_BUFFERS } from './options.js';
import { FrameWriter, sharedFrames } from './shared-frames.js';
import { adoptTimings, SourceWatch } from './source.js';

/**
 * The longest that the capture thread waits without looking up: a thread that is inside of poll neither closes, nor takes a control,
 * nor lets the process end.
 */
const SLICE_MS = 100;

/** A device that captures. Whatever fails, {@link close} leaves nothing mapped, queued or open. */
export class CaptureSession {
  readonly frames: SharedArrayBuffer;
  readonly #writer: FrameWriter;
  #sequence: number | undefined;

  private constructor(
    readonly device: Device,
    readonly format: StreamFormat,
    private readonly buffers: Buffers,
    private readonly source: SourceWatch,
  ) {
    this.frames = sharedFrames(format);
    this.#writer = new FrameWriter(this.frames, format);
  }

  /** @throws V4l2Error with nothing left behind */
  static open(libc: Libc, options: CameraOptions): CaptureSession {
    const device = openDevice(options.device, libc);
    try {
      // Before the format is asked for: a change after that is heard of.
      const source = SourceWatch.open(device.handle);
      adoptTimings(device.handle);
      const format = configure(device, options);
      const buffers = new Buffers(device);
      buffers.start(options.buffers ?? DEFAULT_BUFFERS);
      return new CaptureSession(device, format, buffers, source);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  /**
   * Waits a moment for frames, and hands the newest of them over. Older ones go back to the driver and are counted.
   * @returns whether the consumer waits for a message
   * @throws V4l2Error
   */
  step(): boolean {
    const { path, handle } = this.device;
    const events = handle.poll(POLL.IN | this.source.events, SLICE_MS);
    if (events === 0) return false;
    if ((events & POLL.PRI) !== 0) this.source.check();
    const newest = this.#newest();
    if (newest) {
      const notify = this.#writer.publish(newest);
      this.buffers.queue(newest.index);
      return notify;
    }
    // A driver that says why does so in DQBUF. One that does not would be asked again and again.
    if ((events & POLL.HUP) !== 0) throw systemError(path, 'poll', ERRNO.ENODEV);
    if ((events & (POLL.ERR | POLL.NVAL)) !== 0) throw systemError(path, 'poll', ERRNO.EIO);
    return false;
  }

  close(): void {
    this.buffers.stop();
    this.device.close();
  }

  /** At most as many as there are buffers: a camera that is faster than this thread must not hold it up. */
  #newest(): Filled | undefined {
    let newest: Filled | undefined;
    for (let i = 0; i < this.buffers.count; i++) {
      const filled = this.buffers.dequeue();
      if (!filled) break;
      this.#account(filled);
      if (newest) {
        this.buffers.queue(newest.index);
        this.#writer.count('stale');
        if ((newest.flags & BUF_FLAG.ERROR) !== 0) this.#writer.count('errors');
      }
      newest = filled;
    }
    return newest;
  }

  #account({ sequence }: Filled): void {
    this.#writer.count('captured');
    this.#writer.count('lost', lostBetween(this.#sequence, sequence));
    this.#sequence = sequence;
  }
}

/** Frames that a driver numbered and did not give. Drivers that do not count, or begin anew, lost none that anybody knows of. */
export function lostBetween(before: number | undefined, sequence: number): number {
  if (before === undefined) return 0;
  const step = (sequence - before) >>> 0;
  return step === 0 || step > 0x7fffffff ? 0 : step - 1;
}
