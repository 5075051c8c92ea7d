import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CameraStatus, type DeviceTopics, type ResultMessage, type StatusMessage, topicsOf } from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { DeviceConfig } from '../config/schema.js';
import { JSON_TEXT } from '../publish/outbox.js';
import type { Publisher } from '../publish/publisher.js';
import type { Model } from '../service/model.js';
import type { ServiceObserver } from '../service/observer.js';
import { CameraAlarm } from './alarm/camera-alarm.js';
import { CameraOutputs } from './camera-outputs.js';
import type { GpioCalls } from './gpio/libc.js';
import { GpioLines } from './gpio/lines.js';
import type { GpioLineConfig } from './gpio/schema.js';
import { Heartbeat } from './heartbeat.js';
import type { AlarmConfig, OutputsConfig } from './schema.js';
import { Encoder } from './signal/encoder.js';
import { RejectSignals } from './signal/reject-signals.js';

/** Signals that become due so long after the service was stopped are still given. */
const DRAIN_MS = 5000;
/** Pulses under way are not cut short, but for those that are longer. */
const PULSE_MS = 2000;

export interface OutputsStart {
  readonly publisher: Pick<Publisher, 'retain' | 'say' | 'sayNow' | 'subscribe' | 'figures'>;
  readonly model: { onUse(listener: (model: { readonly manifest: Pick<Model['manifest'], 'classes'> }) => void): void };
  /** For how long a frame has been in work, the longest of all cameras, in milliseconds. */
  readonly busyMs: () => number;
}

/** Everything a line is told besides results: reject signals, alarms, heartbeat. Lines of GPIO are at rest from `open` on. */
export class Outputs implements ServiceObserver {
  readonly #cameras = new Map<string, CameraOutputs>();
  readonly #signals: RejectSignals[] = [];
  readonly #encoders: Encoder[] = [];
  #heartbeat: Heartbeat | undefined;

  private constructor(
    private readonly config: DeviceConfig,
    private readonly logger: Logger,
    private readonly topics: DeviceTopics,
    private readonly lines: GpioLines,
    private readonly alarms: ReadonlyMap<string, CameraAlarm>,
  ) {}

  /**
   * Takes the lines and reads the alarms of earlier runs.
   * @throws BeltsightError OUTPUT_FAILED if a GPIO line cannot be had: products would pass the ejector unseen
   */
  static async open(config: DeviceConfig, logger: Logger, calls?: GpioCalls): Promise<Outputs> {
    const failed = (error: unknown) => logger.error({ err: error }, `${(error as Error).message}`);
    const lines = GpioLines.open(gpioOf(config), failed, calls);
    const folder = join(config.state, 'alarm');
    // Also without outputs, and of cameras that are no more: an alarm of an earlier configuration is to be cleared.
    const configs = new Map((await alarmsIn(folder, logger)).map((name): [string, AlarmConfig] => [name, {}]));
    for (const { name, outputs } of config.cameras) configs.set(name, outputs?.alarm ?? {});
    const alarms = new Map<string, CameraAlarm>();
    for (const [camera, alarm] of configs) {
      const parts = { camera, config: alarm, file: join(folder, `${camera}.json`), logger: logger.child({ camera }) };
      alarms.set(camera, await CameraAlarm.open(parts));
    }
    return new Outputs(config, logger, topicsOf(config), lines, alarms);
  }

  /** Connects the outputs; from now on results lead to signals. */
  start({ publisher, model, busyMs }: OutputsStart): void {
    let rates = new Map<string, number>();
    let usual = 0;
    model.onUse(({ manifest }) => {
      rates = new Map(manifest.classes.map(({ name, falseRejectRate }) => [name, falseRejectRate.wanted]));
      usual = Math.max(...rates.values());
    });
    for (const [camera, alarm] of this.alarms) {
      // At every connection, as the broker may have lost it: a standing alarm must be seen.
      alarm.start((message) =>
        publisher.retain(this.topics.alarm(camera), Buffer.from(JSON.stringify(message)), JSON_TEXT),
      );
    }
    for (const { name, outputs: config } of this.config.cameras) {
      const alarm = this.alarms.get(name);
      if (!config || !alarm) continue;
      const logger = this.logger.child({ camera: name });
      const signals = config.signal && this.#signalsOf(name, config.signal, publisher, logger);
      const calibrated = (product: string | null) => (product === null ? usual : (rates.get(product) ?? usual));
      this.#cameras.set(name, new CameraOutputs({ config, signals, alarm, calibrated }));
    }
    const { heartbeat } = this.config;
    if (!heartbeat) return;
    const topic = heartbeat.topic ?? this.topics.heartbeat;
    this.#heartbeat = new Heartbeat({
      config: heartbeat,
      busyMs,
      beat: (number) => publisher.say(topic, Buffer.from(`${number}`), { qos: 0 }),
      line: heartbeat.gpio && this.lines.line(heartbeat.gpio),
      failed: this.lines.failed,
    });
  }

  result(result: ResultMessage): void {
    this.#cameras.get(result.camera)?.result(result, performance.now() - result.latencyMs);
  }

  status(status: StatusMessage): void {
    this.#heartbeat?.status(status);
  }

  /** A camera's status with the figures of its signals. */
  withSignals(status: CameraStatus): CameraStatus {
    return this.#cameras.get(status.name)?.withSignals(status) ?? status;
  }

  /** Says that a person has seen an alarm; false if it is not the one there is, or over. */
  acknowledge(camera: string, id: string, by?: string): boolean {
    return this.alarms.get(camera)?.acknowledge(id, by) ?? false;
  }

  /** Signals that are due soon are given; then all lines are at rest and given back. */
  async close(): Promise<void> {
    this.#heartbeat?.close();
    await Promise.all(this.#signals.map((signals) => signals.close(DRAIN_MS)));
    for (const encoder of this.#encoders) encoder.close();
    await Promise.race([this.lines.finished(), sleep(PULSE_MS, undefined, { ref: false })]);
    this.lines.close();
    for (const alarm of this.alarms.values()) await alarm.close();
  }

  #signalsOf(
    camera: string,
    config: NonNullable<OutputsConfig['signal']>,
    publisher: OutputsStart['publisher'],
    logger: Logger,
  ): RejectSignals {
    const { gpio, encoder: encoderConfig, distance, maxLateMs } = config;
    const encoder =
      encoderConfig && distance !== undefined
        ? new Encoder({
            config: encoderConfig,
            distance,
            maxLateMs,
            logger,
            subscribe: publisher.subscribe.bind(publisher),
            moved: () => signals.moved(),
            anew: () => signals.anew(),
          })
        : undefined;
    if (encoder) this.#encoders.push(encoder);
    const signals: RejectSignals = new RejectSignals({
      camera,
      config,
      topic: this.topics.reject(camera),
      speaker: publisher,
      pulse: gpio && this.lines.pulse(gpio),
      encoder,
      logger,
    });
    this.#signals.push(signals);
    return signals;
  }
}

/** The lines that a configuration names. */
export const gpioOf = ({ cameras, heartbeat }: DeviceConfig): GpioLineConfig[] =>
  [...cameras.map(({ outputs }) => outputs?.signal?.gpio), heartbeat?.gpio].filter((line) => line !== undefined);

/** The cameras that have state of alarms in `folder`. A folder that cannot be read is logged, and has none. */
async function alarmsIn(folder: string, logger: Logger): Promise<string[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    const message = `${folder} cannot be read: alarms of cameras that are no longer configured stay as they are.`;
    if (error.code !== 'ENOENT') logger.error({ err: error }, message);
    return [];
  });
  return files.filter((file) => file.endsWith('.json')).map((file) => basename(file, '.json'));
}
