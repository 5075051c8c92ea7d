import { join } from 'node:path';
import {
  BeltsightError,
  type CollectionStatus,
  type CommandArguments,
  type CommandValue,
  isClassName,
} from '@beltsight/sdk';
import type { Logger } from 'pino';
import { RgbConverter } from '../../camera/rgb.js';
import { collect } from '../../collect/collect.js';
import { ImageStore } from '../../collect/store.js';
import { loadRuntime } from '../../score/ort/library.js';
import type { CameraControl } from '../control.js';
import type { CollectConfig } from '../schema.js';
import { type Controls, controlOf } from './effects.js';

export interface CollectorParts {
  readonly controls: Controls;
  readonly config: CollectConfig & { readonly folder: string };
  /** Goes into the line on each image. */
  readonly about: object;
  /** Library of ONNX Runtime that converts frames. */
  readonly library: string | undefined;
  readonly logger: Logger;
  /** Hears that a camera's state changed. */
  readonly changed: () => void;
}

/** Saves good images from running cameras, one collection at a time for each: a new one ends the one before it. */
export class Collector {
  readonly #running = new Map<string, { stop: AbortController; ended: Promise<void> }>();

  constructor(private readonly parts: CollectorParts) {}

  /** Begins, and goes on by itself; the status tells how it goes. @throws BeltsightError ARGUMENT_INVALID, IO_FAILED */
  readonly collect = async (args: CommandArguments<'collect'>): Promise<CommandValue<'collect'>> => {
    const { camera, class: name, count } = args;
    const { config, controls } = this.parts;
    const control = controlOf(controls, camera);
    if (!isClassName(name)) {
      const message = `class: "${name}" cannot name a folder: give 1 to 64 characters without "/" or "\\", not starting with ".".`;
      throw new BeltsightError('ARGUMENT_INVALID', message);
    }
    await this.#end(camera);
    const limits = { quotaBytes: config.quotaMegabytes * 2 ** 20, reserveBytes: config.reserveMegabytes * 2 ** 20 };
    const store = await ImageStore.open(config.folder, name, limits);
    const kept = store.files.length;
    const converter = new RgbConverter(loadRuntime(this.parts.library));
    const stop = new AbortController();
    const ended = this.#collect(control, store, converter, { class: name, count }, stop.signal);
    this.#running.set(camera, { stop, ended });
    return { camera, class: name, folder: join(config.folder, name), count, kept };
  };

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((camera) => this.#end(camera)));
  }

  async #end(camera: string): Promise<void> {
    const running = this.#running.get(camera);
    running?.stop.abort();
    await running?.ended;
    this.#running.delete(camera);
  }

  async #collect(
    control: CameraControl,
    store: ImageStore,
    converter: RgbConverter,
    wanted: Pick<CollectionStatus, 'class' | 'count'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { config, changed, logger } = this.parts;
    const { difference, sharpness } = config;
    let [kept, skipped] = [store.files.length, 0];
    const note = (state: CollectionStatus['state'], error?: string) => {
      control.collection = { ...wanted, kept, skipped, state, ...(error === undefined ? {} : { error }) };
    };
    note('running');
    changed();
    try {
      await collect(
        {
          camera: control.tap.camera(control.name),
          converter,
          store,
          count: wanted.count,
          difference,
          sharpness,
          about: { ...this.parts.about, camera: control.name },
          seen: (progress) => {
            kept = progress.kept;
            skipped = progress.rejected.duplicate + progress.rejected.blurred;
            note('running');
          },
        },
        signal,
      );
      note(kept >= wanted.count ? 'done' : 'stopped');
    } catch (error) {
      note('failed', (error as Error).message);
    } finally {
      await converter.close();
      changed();
      logger.info({ camera: control.name, collection: control.collection }, 'The collection of good images has ended.');
    }
  }
}
