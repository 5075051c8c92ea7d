import type { CameraStatus, DeviceTopics, ResultMessage, Verdict } from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { Camera, CameraFault, Frame } from '../camera/frame.js';
import type { RgbConverter } from '../camera/rgb.js';
import type { Taken } from '../camera/triggered.js';
import type { CameraControl } from '../command/control.js';
import type { CameraConfig } from '../config/schema.js';
import { pause } from '../pause.js';
import type { Publication, Publisher } from '../publish/publisher.js';
import type { Inspection } from '../score/scorer.js';
import type { ModelInUse } from './model.js';
import type { Observers } from './observer.js';
import { Pictures } from './pictures.js';
import { resultMessage, resultOf } from './publication.js';

/** A camera that failed is opened again after this, doubled up to the longest. */
const REOPEN_MS = { first: 1000, longest: 30_000 };

export interface InspectorParts {
  readonly camera: Camera;
  readonly config: CameraConfig;
  readonly control: CameraControl;
  readonly model: Pick<ModelInUse, 'score'>;
  /** Makes pictures for people, where the configuration wants frames published. */
  readonly converter: RgbConverter | undefined;
  readonly publisher: Publisher;
  readonly observers: Observers;
  /** Whether an observer wants heatmaps: then it is told of a result when its heatmap is made; otherwise at once. */
  readonly observedHeatmaps?: boolean;
  readonly topics: DeviceTopics;
  /** Counts a result and gives its number. */
  readonly count: (verdict: Verdict) => number | undefined;
  /** Copies a frame that is worth keeping, at once; what it returns takes the result, when there is one. */
  readonly keep?: (frame: Frame, inspection: Inspection) => ((result: ResultMessage) => void) | undefined;
  readonly logger: Logger;
  /** Hears that the camera's state changed. */
  readonly changed: () => void;
}

/** Takes the frames of one camera through scoring to publishing, and keeps its figures. */
export class Inspector {
  #state: CameraStatus['state'] = 'starting';
  #error: string | undefined;
  #counts = { frames: 0, dropped: 0, failures: 0, inspected: 0 };
  /** Pictures are encoded while the next frame is scored. Never rejects. */
  #publishing: Promise<void> = Promise.resolve();
  #rate = { since: performance.now(), inspected: 0 };
  /** When the frame in work was taken up. */
  #since: number | undefined;
  readonly #pictures: Pictures;

  constructor(private readonly parts: InspectorParts) {
    this.#pictures = new Pictures(parts);
  }

  /** Runs until the signal, or until the camera has no more frames. Never rejects: what goes wrong shows in the status. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.parts;
    for (let wait = REOPEN_MS.first; !signal.aborted; wait = Math.min(wait * 2, REOPEN_MS.longest)) {
      const before = this.#counts.inspected;
      try {
        await this.#inspectAll(signal);
        this.#enter('ended');
        return;
      } catch (error) {
        // A result made before is said before the failure, not after it.
        await this.#publishing;
        const { message } = error as Error;
        logger.error({ err: error }, message);
        this.#enter('failed', message);
        if (this.#counts.inspected > before) wait = REOPEN_MS.first;
        await pause(wait, signal);
      }
    }
    this.#enter('ended');
  }

  /** For how long the frame in work has been in work, in milliseconds; 0 between frames. */
  get busyMs(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  /** Figures since the start; the rate is that since the last call with `restart`. */
  status(restart = false): CameraStatus {
    const { since, inspected } = this.#rate;
    const now = performance.now();
    const rateHz = now > since ? ((this.#counts.inspected - inspected) * 1000) / (now - since) : 0;
    if (restart) this.#rate = { since: now, inspected: this.#counts.inspected };
    return {
      name: this.parts.config.name,
      state: this.#state,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      ...this.#counts,
      rateHz,
      ...this.parts.control.status,
    };
  }

  async #inspectAll(signal: AbortSignal): Promise<void> {
    const { camera, publisher, control } = this.parts;
    const frames = this.#count(camera.frames(signal));
    for await (const item of control.select(camera, frames, () => this.#counts.dropped++, signal)) {
      if ('fault' in item) {
        await this.#publishing;
        // A camera may give nothing but faults, at the rate of its frames.
        if (item.fault !== this.#error) this.parts.logger.warn(item.fault);
        this.#enter('failed', item.fault);
        continue;
      }
      this.#since = performance.now();
      try {
        await this.#inspect(item);
      } catch (error) {
        item.shot?.fail(error);
        this.parts.observers.failure();
        throw error;
      } finally {
        this.#since = undefined;
      }
      if (!camera.paced) await publisher.ready(signal);
    }
    await this.#publishing;
  }

  async *#count(items: AsyncIterable<Frame | CameraFault>): AsyncGenerator<Frame | CameraFault> {
    for await (const item of items) {
      if (!('fault' in item)) {
        this.#counts.frames++;
        if (this.parts.control.idle) this.#enter('running');
      }
      yield item;
    }
  }

  async #inspect({ frame, shot }: Taken): Promise<void> {
    const { model, control, config, observers, observedHeatmaps } = this.parts;
    const inspection = await model.score(frame, control.recipe ?? undefined);
    const count = this.parts.count(inspection.verdict);
    const result = resultOf(frame, inspection, config.name, count);
    const makeHeatmap = () => this.#pictures.heatmap(result.id, inspection);
    const heatmap = observedHeatmaps ? makeHeatmap() : undefined;
    // A reject signal waits for no picture, unless an observer does.
    observers.result(result, await heatmap);
    this.parts.keep?.(frame, inspection)?.(result);
    // Made now: once the next frame is asked for, the memory of this one is used again.
    const preview = await this.#pictures.preview(frame);
    await this.#publishing;
    this.#publishing = this.#publish(result, shot, async () =>
      this.#pictures.messages(result.id, preview, await (heatmap ?? makeHeatmap())),
    );
  }

  /** Never rejects: what becomes of one result is nothing to the next. */
  async #publish(result: ResultMessage, shot: Taken['shot'], pictures: () => Promise<Publication>): Promise<void> {
    const { publisher, logger, config, topics } = this.parts;
    try {
      publisher.send([...(await pictures()), resultMessage(result, config, topics)]);
      this.#counts.inspected++;
      this.#enter('running');
      shot?.settle(result);
    } catch (error) {
      logger.error({ err: error }, `Result ${result.id} cannot be published: ${(error as Error).message}`);
      shot?.fail(error);
    }
  }

  #enter(state: CameraStatus['state'], error?: string): void {
    if (state === this.#state && error === this.#error) return;
    if (state === 'failed' && this.#state !== 'failed') this.#counts.failures++;
    this.#state = state;
    this.#error = error;
    this.parts.changed();
  }
}
