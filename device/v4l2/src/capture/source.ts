import { EVENT_SOURCE_CHANGE, EVENT_SRC_CH_RESOLUTION, POLL } from '../abi/constants.js';
import { DQEVENT, QUERY_DV_TIMINGS, S_DV_TIMINGS, SUBSCRIBE_EVENT } from '../abi/ioctl.js';
import { v4l2_dv_timings, v4l2_event, v4l2_event_subscription } from '../abi/structs.js';
import { ERRNO, systemError, V4l2Error } from '../errors.js';
import type { Handle } from '../handle.js';
import { Memory } from '../memory.js';

/** Hears that what is plugged into the input changed its picture size, from drivers that tell. */
export class SourceWatch {
  private constructor(
    private readonly handle: Handle,
    /** POLL* events to wait for; 0 where the driver does not tell. */
    readonly events: number,
  ) {}

  static open(handle: Handle): SourceWatch {
    const subscription = Memory.of(v4l2_event_subscription, { type: EVENT_SOURCE_CHANGE });
    return new SourceWatch(handle, handle.tryIoctl(SUBSCRIBE_EVENT, subscription) === 0 ? POLL.PRI : 0);
  }

  /**
   * Takes the events that wait.
   * @throws V4l2Error V4L2_SOURCE_CHANGED; those of the driver
   */
  check(): void {
    const event = Memory.of(v4l2_event);
    const { fields } = v4l2_event;
    do {
      const errno = this.handle.tryIoctl(DQEVENT, event);
      if (errno === ERRNO.ENOENT) return;
      if (errno !== 0) throw systemError(this.handle.path, DQEVENT.name, errno);
      const changes = fields['u.src_change.changes'].get(event.view);
      if (fields.type.get(event.view) === EVENT_SOURCE_CHANGE && (changes & EVENT_SRC_CH_RESOLUTION) !== 0) {
        throw new V4l2Error(
          'V4L2_SOURCE_CHANGED',
          `The source at ${this.handle.path} changed: it gives another picture size, or none. Open the device anew to capture in it.`,
          { device: this.handle.path, call: DQEVENT.name },
        );
      }
    } while (fields.pending.get(event.view) > 0);
  }
}

/**
 * Sets an input for digital video (HDMI, SDI) to what is plugged in: such drivers keep the picture size that they were set to,
 * whatever arrives. Cameras have no such timings, and are left alone.
 * @throws V4l2Error V4L2_NO_SIGNAL; V4L2_BUSY if something else captures in other timings
 */
export function adoptTimings(handle: Handle): void {
  const timings = Memory.of(v4l2_dv_timings);
  const errno = handle.tryIoctl(QUERY_DV_TIMINGS, timings);
  if (errno === ERRNO.ENOLINK || errno === ERRNO.ENOLCK) throw systemError(handle.path, QUERY_DV_TIMINGS.name, errno);
  if (errno === 0) handle.ioctl(S_DV_TIMINGS, timings);
}
