import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BeltsightError, type DeviceTopics, type UpdateAction, type UpdateStateMessage } from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { DeviceConfig } from '../config/schema.js';
import type { Publisher } from '../publish/publisher.js';
import type { ServiceObserver } from '../service/observer.js';
import { DesiredTopic } from './desired.js';
import { HawkbitClient } from './hawkbit/client.js';
import type { ModelHost } from './host.js';
import type { UpdateConfig } from './schema.js';
import { HttpTransport } from './source/http.js';
import { MqttTransport } from './source/mqtt.js';
import { Releases } from './source/releases.js';
import type { Transport } from './source/transport.js';
import { TrustedMetadata } from './source/trusted.js';
import { openInUse } from './start.js';
import { BlobStore } from './store/blobs.js';
import { RecordFile } from './store/record.js';
import { Slots } from './store/slots.js';
import { Updater } from './updater.js';

/** A server slower than this is given up for now. */
const SLOWEST = { minBytesPerSecond: 1024, patienceMs: 60_000 };
/** Before a device first looks, the broker may say what is desired. */
const GRACE_MS = 10_000;

export interface UpdatesStart {
  readonly publisher: Pick<Publisher, 'subscribe' | 'say' | 'retain'>;
  readonly topics: DeviceTopics;
  readonly host: ModelHost & { readonly provider: string };
}

/** All that a service has to do with updates. */
export class Updates implements ServiceObserver {
  #updater: Updater | undefined;
  #hawkbit: HawkbitClient | undefined;
  #desired: DesiredTopic | undefined;
  #running: Promise<unknown> | undefined;
  readonly #closing = new AbortController();

  private constructor(
    private readonly config: DeviceConfig,
    private readonly update: UpdateConfig,
    private readonly record: RecordFile,
    private readonly blobs: BlobStore,
    private readonly slots: Slots,
    private readonly logger: Logger,
  ) {}

  /** @returns undefined where the configuration wants no updates */
  static async open(config: DeviceConfig, logger: Logger): Promise<Updates | undefined> {
    const { update, bundle } = config;
    if (!update) return undefined;
    const folder = folderOf(config);
    const record = await RecordFile.open(folder, (line) => logger.warn(line));
    const blobs = new BlobStore(join(folder, 'blobs'), {
      ...limitsOf(update),
      quotaBytes: update.quotaMegabytes * 2 ** 20,
      reserveBytes: update.reserveMegabytes * 2 ** 20,
    });
    return new Updates(config, update, record, blobs, new Slots(folder, bundle, blobs), logger);
  }

  /** Opens the bundle that is in use; see {@link openInUse}. */
  openInUse<T>(open: (bundle: string) => Promise<T>): Promise<T> {
    return openInUse(this.record, this.slots, open, (line) => this.logger.error(line));
  }

  /** Looks for updates from now on. */
  start({ publisher, topics, host }: UpdatesStart): void {
    const { config, update, record, blobs, slots, logger } = this;
    const transport =
      transportOf(update) ?? new MqttTransport(publisher, topics, { pieceBytes: update.pieceKilobytes * 1024 });
    const updater = new Updater({
      device: config,
      channel: update.channel,
      pollSeconds: update.pollSeconds,
      window: update.window,
      probation: update.probation,
      transport,
      releases: releasesOf(update, transport, join(folderOf(config), 'trusted.json'), (line) => logger.warn(line)),
      blobs,
      slots,
      record,
      host,
      publish: (state) => {
        publisher.retain(topics.updateState, Buffer.from(JSON.stringify(state)));
        this.#hawkbit?.state(state);
      },
      logger,
    });
    this.#updater = updater;
    const desire = updater.desire.bind(updater);
    const { hawkbit: options } = update;
    if (options) {
      const attributes = { provider: host.provider };
      this.#hawkbit = new HawkbitClient({ options, device: config, desire, logger, attributes });
      this.#running = Promise.all([updater.run(), this.#hawkbit.run()]);
      return;
    }
    this.#desired = new DesiredTopic({ topic: topics.updateDesired, publisher, desire, logger });
    this.#running = this.#run(updater, this.#desired);
  }

  result(...args: Parameters<NonNullable<ServiceObserver['result']>>): void {
    this.#updater?.result(...args);
  }

  failure(): void {
    this.#updater?.failure();
  }

  /**
   * Does what a person asks.
   * @throws BeltsightError COMMAND_FAILED, ARGUMENT_INVALID, or what keeps the model before from being opened
   */
  async command(action: UpdateAction, reason?: string): Promise<UpdateStateMessage> {
    const updater = this.#updater;
    if (!updater) throw new BeltsightError('COMMAND_FAILED', 'The service stops.');
    if (action === 'check') {
      this.#hawkbit?.check();
      updater.check();
    } else if (action === 'roll-back') await updater.rollBack(reason ?? 'a person wanted it');
    else await updater.hold(action === 'hold');
    return updater.message;
  }

  /** @param orderly the service was asked to stop, and does so in good order */
  async end(orderly: boolean): Promise<void> {
    this.#closing.abort();
    this.#desired?.close();
    await this.#hawkbit?.close();
    await (this.#updater?.close(orderly) ?? this.record.close());
    await this.#running;
    this.#updater = undefined;
  }

  async #run(updater: Updater, desired: DesiredTopic): Promise<void> {
    const { signal } = this.#closing;
    await Promise.race([desired.known, sleep(GRACE_MS, undefined, { signal, ref: false }).catch(() => undefined)]);
    await updater.run();
  }
}

/**
 * Looks, without changing anything, whether the repository is there and what it has for a device.
 * @param scratch a folder for what is verified on the way
 * @returns what was found, in words; undefined where it would have to be asked over MQTT
 * @throws BeltsightError as {@link Releases.find}
 */
export async function lookOnce(
  config: DeviceConfig,
  update: UpdateConfig,
  scratch: string,
): Promise<string | undefined> {
  const transport = transportOf(update);
  if (!transport) return undefined;
  const releases = releasesOf(update, transport, join(scratch, 'trusted.json'), () => undefined);
  try {
    const found = await releases.find(config, { release: null, channel: update.channel }, AbortSignal.timeout(60_000));
    return found?.path ?? 'nothing';
  } finally {
    await transport.close();
  }
}

const folderOf = ({ state }: DeviceConfig) => join(state, 'update');

const limitsOf = ({ kilobytesPerSecond }: UpdateConfig) => ({
  ...SLOWEST,
  maxBytesPerSecond: kilobytesPerSecond === null ? null : kilobytesPerSecond * 1024,
});

function transportOf({ url, tokenFile, caFile, proxy }: UpdateConfig): Transport | undefined {
  return url === undefined ? undefined : new HttpTransport({ url, tokenFile, caFile, proxy });
}

function releasesOf(
  update: UpdateConfig,
  transport: Transport,
  trusted: string,
  warn: (line: string) => void,
): Releases {
  const metadata = new TrustedMetadata(trusted, update.root, warn);
  return new Releases(transport, metadata, limitsOf(update));
}
