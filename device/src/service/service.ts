import { join } from 'node:path';
import { type StatusMessage, topicsOf } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import { openCamera } from '../camera/open.js';
import { RgbConverter } from '../camera/rgb.js';
import { Commands } from '../command/commands.js';
import type { DeviceConfig } from '../config/schema.js';
import { Feedback } from '../feedback/feedback.js';
import { DeviceMetrics } from '../metrics/device-metrics.js';
import { InspectionCounters } from '../output/count/counters.js';
import { Outputs } from '../output/outputs.js';
import { connectionOf } from '../publish/connection.js';
import { Outbox } from '../publish/outbox.js';
import { keepStatusRight } from '../publish/own-status.js';
import { Publisher } from '../publish/publisher.js';
import { loadRuntime } from '../score/ort/library.js';
import { sparkplugObservers } from '../sparkplug/observer.js';
import { Updates } from '../update/updates.js';
import { requireKnownClasses } from './classes.js';
import { Inspector } from './inspector.js';
import { Model } from './model.js';
import { Observers } from './observer.js';
import { offlineStatus, statusOf } from './status.js';

/** How long a stopping service waits for the broker to take what is left. */
const FLUSH_MS = 5000;
/** How long a service whose cameras have ended waits for it. */
const DELIVER_MS = 600_000;

/** A frame in work for longer will never be done. */
const STUCK_MS = 60_000;

/** What a service has besides cameras and model. */
interface Parts {
  readonly commands: Commands;
  readonly metrics: DeviceMetrics;
  readonly outputs: Outputs;
  readonly counters: InspectionCounters;
  readonly updates: Updates | undefined;
  readonly feedback: Feedback;
}

/** The device: cameras to model to broker, until it is stopped or every camera has ended. */
export class DeviceService {
  readonly #stopping = new AbortController();
  #inspectors: readonly Inspector[] = [];

  private constructor(
    private readonly config: DeviceConfig,
    private readonly logger: Logger,
    private readonly model: Model,
    private readonly observers: Observers,
    private readonly parts: Parts,
  ) {}

  /**
   * Loads the bundle that is in use and proves it on its golden samples.
   * @throws BeltsightError whatever keeps the device from inspecting; a broker that is away does not
   */
  static async open(config: DeviceConfig, logger: Logger): Promise<DeviceService> {
    const commands = new Commands(config, logger);
    const metrics = new DeviceMetrics(config, logger);
    const updates = await Updates.open(config, logger);
    const outputs = await Outputs.open(config, logger);
    const counters = await InspectionCounters.open(config, logger);
    const sparkplug = await sparkplugObservers({ config, logger, commands });
    const observers = new Observers(
      [metrics, outputs, counters, ...sparkplug, ...(updates ? [updates] : [])],
      (error) => logger.error({ err: error }, `${error}`),
    );
    const options = {
      ...config.runtime,
      log: (line: string) => logger.warn(line),
      observe: (...[stage, ms]: Parameters<typeof observers.stage>) => observers.stage(stage, ms),
    };
    const check = (manifest: BundleManifest) => {
      const cameras = config.cameras.map(({ name }) => ({ name, class: commands.control(name).recipe }));
      requireKnownClasses(cameras, manifest);
    };
    const open = (bundle: string) => Model.open(bundle, { options, logger, check });
    try {
      const model = await (updates ? updates.openInUse(open) : open(config.bundle));
      const feedback = await Feedback.open(config, logger);
      const parts = { commands, metrics, outputs, counters, updates, feedback };
      return new DeviceService(config, logger, model, observers, parts);
    } catch (error) {
      await Promise.all([updates?.end(false), observers.close()]);
      throw error;
    }
  }

  /** Execution provider in use. */
  get provider(): string {
    return this.model.provider;
  }

  /** Whether frames get through: none has been in work for longer than any model takes. */
  get alive(): boolean {
    return this.#inspectors.every(({ busyMs }) => busyMs < STUCK_MS);
  }

  /** Asks the service to end: frames in work are finished and delivered. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Inspects until `stop`, or until all cameras have ended and everything is delivered. */
  async run(): Promise<void> {
    const { config, logger, model, observers } = this;
    const { commands, metrics, outputs, counters, updates, feedback } = this.parts;
    const { signal } = this.#stopping;
    const topics = topicsOf(config);
    const message = (status: StatusMessage) => ({ topic: topics.status, payload: Buffer.from(JSON.stringify(status)) });
    const publisher = new Publisher({
      connect: metrics.timed(connectionOf(config, () => message(offlineStatus(config)), logger)),
      outbox: await Outbox.open({ ...config.spool, folder: join(config.state, 'spool'), logger }),
      logger,
    });
    let state: StatusMessage['state'] = 'starting';
    const tell = (restartRates = false) => {
      const cameras = inspectors.map((inspector) =>
        outputs.withSignals(counters.withTotals(inspector.status(restartRates))),
      );
      const figures = metrics.withFigures(statusOf(state, config, model, cameras));
      const status = { ...figures, spool: publisher.spoolStatus, feedback: feedback.status };
      observers.status(status);
      const { topic, payload } = message(status);
      publisher.retain(topic, payload);
      return status;
    };
    const shown = config.cameras.filter(({ frames }) => frames);
    const converters = new Map(
      shown.map(({ name }) => [name, new RgbConverter(loadRuntime(config.runtime.library))] as const),
    );
    const inspectors = config.cameras.map(
      (camera) =>
        new Inspector({
          camera: openCamera(camera),
          config: camera,
          control: commands.control(camera.name),
          converter: converters.get(camera.name),
          model,
          publisher,
          observers,
          observedHeatmaps: config.sparkplug?.heatmaps ?? false,
          topics,
          count: (verdict) => counters.next(camera.name, verdict),
          keep: (frame, inspection) => feedback.keep(frame, inspection),
          logger: logger.child({ camera: camera.name }),
          changed: () => tell(),
        }),
    );
    this.#inspectors = inspectors;
    await commands.begin({
      model,
      publisher,
      topics,
      status: () => tell(),
      acknowledge: (camera, alarm, by) => outputs.acknowledge(camera, alarm, by),
      updates,
      mark: (args) => feedback.mark(args),
    });
    metrics.start({
      model,
      cameras: () => inspectors.map((inspector) => inspector.status()),
      publisher: () => publisher.figures,
      alive: () => this.alive,
      changed: () => tell(),
    });
    outputs.start({
      publisher,
      model,
      busyMs: () => Math.max(...inspectors.map(({ busyMs }) => busyMs)),
    });
    updates?.start({ publisher, topics, host: model });
    tell();
    model.onUse(() => setImmediate(tell));
    const connecting = publisher.start();
    const leaveStatus = keepStatusRight(publisher, topics.status, () => tell());
    state = 'online';
    const heartbeat = setInterval(() => tell(true), config.statusSeconds * 1000);
    try {
      await Promise.all(inspectors.map((inspector) => inspector.run(signal)));
      if (!signal.aborted) await Promise.race([publisher.flush(DELIVER_MS), asked(signal)]);
      const stopped = signal.aborted;
      if (stopped) {
        state = 'stopping';
        tell();
      }
      const delivered = await publisher.flush(stopped ? FLUSH_MS : 0);
      if (!delivered)
        logger.warn(
          publisher.spoolStatus,
          'The broker was not there to the end: what waits is sent after the next start.',
        );
    } finally {
      clearInterval(heartbeat);
      await updates?.end(signal.aborted);
      await commands.close();
      await feedback.close();
      await observers.close();
      leaveStatus();
      await publisher.close(message(offlineStatus(config)), FLUSH_MS);
      await connecting;
      for (const converter of converters.values()) await converter.close();
      await model.close();
    }
  }
}

/** Resolves when the signal comes. */
function asked(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
