import type { CameraStatus, CollectionStatus } from '@beltsight/sdk';
import type { Camera, CameraFault, Frame } from '../camera/frame.js';
import { newest } from '../camera/newest.js';
import { Tap } from '../camera/tap.js';
import { TriggerQueue } from '../camera/trigger.js';
import { onDemand, type Taken, triggered } from '../camera/triggered.js';
import { Condition } from '../condition.js';
import type { CameraConfig } from '../config/schema.js';
import type { CommandsConfig } from './schema.js';

/** What commands can change about a running camera. */
export class CameraControl {
  /** Product class before the camera; null: it is recognised. */
  recipe: string | null;
  collection: CollectionStatus | undefined;
  readonly tap = new Tap();
  readonly trigger: TriggerQueue;
  readonly #resumed = new Condition();
  #paused = false;
  /** Frames that no trigger took, where only triggers have frames inspected. */
  #untriggered = 0;

  constructor(
    private readonly config: Pick<CameraConfig, 'name' | 'class' | 'trigger'>,
    limits: CommandsConfig['trigger'],
  ) {
    this.recipe = config.class ?? null;
    this.trigger = new TriggerQueue(config.name, limits);
  }

  get name(): string {
    return this.config.name;
  }

  /** The class that the configuration names; null: none. */
  get configuredClass(): string | null {
    return this.config.class ?? null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.#resumed.changed();
  }

  /** Whether frames come without being inspected. */
  get idle(): boolean {
    return this.#paused || this.config.trigger === 'software';
  }

  get status(): Pick<CameraStatus, 'class' | 'paused' | 'untriggered' | 'collection'> {
    const { recipe, paused, collection } = this;
    return {
      class: recipe,
      paused,
      ...(this.config.trigger === 'software' ? { untriggered: this.#untriggered } : {}),
      ...(collection === undefined ? {} : { collection }),
    };
  }

  /**
   * The frames that are to be inspected, and faults.
   * @param items all frames of the camera
   * @param dropped hears of each frame that a newer one overtook
   */
  select(
    { paced }: Pick<Camera, 'paced'>,
    items: AsyncIterable<Frame | CameraFault>,
    dropped: () => void,
    signal: AbortSignal,
  ): AsyncIterable<Taken | CameraFault> {
    const shown = this.#show(items);
    const software = this.config.trigger === 'software';
    if (!paced) return software ? onDemand(shown, this.trigger, signal) : this.#free(shown, false, signal);
    if (!software) return this.#free(newest(shown, dropped), true, signal);
    return triggered(shown, this.trigger, () => {
      if (!this.#paused) this.#untriggered++;
    });
  }

  async *#show(items: AsyncIterable<Frame | CameraFault>): AsyncGenerator<Frame | CameraFault> {
    for await (const item of items) {
      if (!('fault' in item)) this.tap.offer(item);
      yield item;
    }
  }

  async *#free(
    items: AsyncIterable<Frame | CameraFault>,
    paced: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Taken | CameraFault> {
    for await (const item of items) {
      if ('fault' in item) {
        yield item;
        continue;
      }
      if (this.#paused) {
        // What keeps its own pace passes by; a source that waits can wait.
        if (paced) continue;
        await this.#resumed.until(() => !this.#paused, signal);
        if (signal.aborted) return;
      }
      yield { frame: item, shot: this.trigger.claim(paced ? item.capturedMs : Number.POSITIVE_INFINITY) };
    }
  }
}
