import { EVENT_SOURCE_CHANGE, EVENT_SRC_CH_RESOLUTION } from '../abi/constants.js';
import * as structs from '../abi/structs.js';
import { ERRNO } from '../errors.js';

type Size = readonly [width: number, height: number];

/** An input for digital video: what is plugged in may change at any time, what the driver is set to only between two streams. */
export class FakeInput {
  #signal: Size | undefined;
  #set: Size | undefined;
  #events = 0;
  #subscribed = false;

  /** @param digital false: a camera, which knows none of this. @param apply sets the picture size, unless something captures */
  constructor(
    private readonly digital: boolean,
    private readonly apply: (size: Size) => boolean,
  ) {
    this.#signal = [640, 480];
  }

  /** Whether an event waits. */
  get pending(): boolean {
    return this.#events > 0;
  }

  /** Plugs another source in; undefined for none. */
  plug(signal: Size | undefined): void {
    this.#signal = signal;
    if (this.#subscribed) this.#events++;
  }

  /** Answers with an error number or 0; undefined for calls that are not about inputs. */
  ioctl(name: string, view: DataView): number | undefined {
    switch (name) {
      case 'VIDIOC_SUBSCRIBE_EVENT':
        return this.#subscribe(view);
      case 'VIDIOC_DQEVENT':
        return this.#event(view);
      case 'VIDIOC_QUERY_DV_TIMINGS':
        return this.#query(view);
      case 'VIDIOC_S_DV_TIMINGS':
        return this.#setTimings(view);
      default:
        return undefined;
    }
  }

  #subscribe(view: DataView): number {
    if (!this.digital) return ERRNO.ENOTTY;
    if (structs.v4l2_event_subscription.fields.type.get(view) !== EVENT_SOURCE_CHANGE) return ERRNO.EINVAL;
    this.#subscribed = true;
    return 0;
  }

  #event(view: DataView): number {
    if (this.#events === 0) return ERRNO.ENOENT;
    const { fields } = structs.v4l2_event;
    fields.type.set(view, EVENT_SOURCE_CHANGE);
    fields['u.src_change.changes'].set(view, EVENT_SRC_CH_RESOLUTION);
    fields.pending.set(view, --this.#events);
    return 0;
  }

  #query(view: DataView): number {
    if (!this.digital) return ERRNO.ENOTTY;
    if (!this.#signal) return ERRNO.ENOLINK;
    const { fields } = structs.v4l2_dv_timings;
    fields['bt.width'].set(view, this.#signal[0]);
    fields['bt.height'].set(view, this.#signal[1]);
    return 0;
  }

  #setTimings(view: DataView): number {
    if (!this.digital) return ERRNO.ENOTTY;
    const { fields } = structs.v4l2_dv_timings;
    const size = [fields['bt.width'].get(view), fields['bt.height'].get(view)] as const;
    if (this.#set?.every((side, i) => side === size[i])) return 0;
    if (!this.apply(size)) return ERRNO.EBUSY;
    this.#set = size;
    return 0;
  }
}
