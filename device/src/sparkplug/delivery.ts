import { pause } from '../pause.js';
import type { Queue } from '../spool/queue.js';
import type { Tags } from './metrics/tags.js';
import { decodeRecord } from './payload/record.js';
import type { Session } from './session/session.js';

/** One Sparkplug device. */
export interface CameraDevice {
  readonly name: string;
  readonly tags: Tags;
  /** Results that the host does not have yet. */
  readonly queue: Queue;
  /** Whether the camera gives frames: it has a birth, or will have one. */
  alive: boolean;
}

/** Results sent and not known to have arrived, at most: more are stored. */
const WINDOW = { records: 500, bytes: 4 * 2 ** 20 };
/** Stored results are sent in batches so long apart. */
const BATCH_MS = 200;

/** Sees to it that the results of one session arrive, and sends the stored ones. */
export class Delivery {
  #sent: { device: CameraDevice; record: Uint8Array }[] = [];
  #bytes = 0;
  #confirming = false;
  #stalled = false;
  readonly #forwarding = new Set<CameraDevice>();

  constructor(
    private readonly session: Session,
    private readonly forwardPerSecond: number,
    private readonly signal: AbortSignal,
  ) {}

  /** Whether a result can be sent now; otherwise it is stored, for the broker lags. */
  get room(): boolean {
    return !this.#stalled && this.#sent.length < WINDOW.records && this.#bytes < WINDOW.bytes;
  }

  /** A result was sent: it is kept until the broker is known to have it. */
  sent(device: CameraDevice, record: Uint8Array): void {
    this.#sent.push({ device, record });
    this.#bytes += record.length;
    void this.#confirm();
  }

  /** Resolves when everything that was sent has arrived, or the session is over. */
  async finish(): Promise<void> {
    await this.session.settled().then(
      () => this.#drop(this.#sent.length),
      () => undefined,
    );
  }

  /**
   * The session is over, or the broker lags: what may not have arrived is stored, and will come again. Whatever is stored after this
   * is newer, so that the stored results stay in order.
   */
  store(): void {
    // Before a birth nothing was sent: there is no lag, and no confirmation that would end it.
    this.#stalled = this.#confirming;
    for (const { device, record } of this.#sent) device.queue.push(record);
    this.#drop(this.#sent.length);
  }

  /** Sends what is stored of a device, in order and paced, marked as historical (section 6.4.6), until nothing is left. */
  async forward(device: CameraDevice): Promise<void> {
    const { session, signal } = this;
    if (this.#forwarding.has(device)) return;
    this.#forwarding.add(device);
    const perBatch = Math.max(1, Math.round((this.forwardPerSecond * BATCH_MS) / 1000));
    const waitMs = (perBatch * 1000) / this.forwardPerSecond;
    try {
      while (session.born && device.alive && device.queue.size > 0) {
        const batch = device.queue.peek(perBatch);
        const last = batch.at(-1);
        if (!last) return;
        for (const { record } of batch) {
          const stored = decodeRecord(record);
          const metrics = stored ? device.tags.historical(stored.values, stored.at) : [];
          if (metrics.length > 0) session.sendDevice('DDATA', device.name, metrics);
        }
        await session.settled();
        device.queue.removeThrough(last.key);
        if (!(await pause(waitMs, signal))) return;
      }
    } catch {
      // The session is over: what is left waits for the next one.
    } finally {
      this.#forwarding.delete(device);
    }
  }

  async #confirm(): Promise<void> {
    if (this.#confirming) return;
    this.#confirming = true;
    try {
      while (this.#sent.length > 0 || this.#stalled) {
        const count = this.#sent.length;
        await this.session.settled();
        this.#drop(Math.min(count, this.#sent.length));
        this.#stalled = false;
      }
    } catch {
      // The session is over, and `store` sees to the rest.
    } finally {
      this.#confirming = false;
    }
  }

  #drop(count: number): void {
    for (const { record } of this.#sent.splice(0, count)) this.#bytes -= record.length;
  }
}
