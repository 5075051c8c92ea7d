import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResultMessage, StatusMessage } from '@beltsight/sdk';
import { connectMqtt, topicsOf } from '@beltsight/sdk';
import pino, { type Logger } from 'pino';
import { type DeviceConfig, deviceConfigSchema } from '../../device/src/config/schema.js';
import { connectionOf } from '../../device/src/publish/connection.js';
import { Outbox } from '../../device/src/publish/outbox.js';
import { keepStatusRight } from '../../device/src/publish/own-status.js';
import { Publisher } from '../../device/src/publish/publisher.js';
import { spoolSchema } from '../../device/src/spool/schema.js';

const ADDRESS = { site: 's', line: 'l', device: 'd' };
export const TOPICS = topicsOf(ADDRESS);

/** How a test connects: the `broker` section of the configuration. */
export type BrokerSection = { readonly url: string } & Readonly<Record<string, unknown>>;

/** All of a device that talks to the broker, without camera and model. */
export class ReportingDevice {
  readonly publisher: Publisher;
  readonly #folder: string;
  readonly #leaveStatus: () => void;
  readonly #connecting: Promise<void>;
  #sent = 0;

  static async open(broker: BrokerSection): Promise<ReportingDevice> {
    const log: string[] = [];
    const logger = pino({ base: null }, { write: (line: string) => void log.push(JSON.parse(line).msg) });
    const folder = await mkdtemp(join(tmpdir(), 'beltsight-reporting-'));
    const outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
    return new ReportingDevice(broker, outbox, folder, log, logger);
  }

  private constructor(
    broker: BrokerSection,
    outbox: Outbox,
    folder: string,
    readonly log: string[],
    logger: Logger,
  ) {
    this.#folder = folder;
    const config = configOf(broker);
    const connect = connectionOf(config, () => message(statusOf('offline')), logger);
    this.publisher = new Publisher({ connect, outbox, logger });
    this.#tell();
    this.#connecting = this.publisher.start();
    this.#leaveStatus = keepStatusRight(this.publisher, TOPICS.status, () => this.#tell(), 100);
  }

  /** Sends the next result; the number is the sequence number of its frame. */
  send(): number {
    const sequence = this.#sent++;
    const payload = Buffer.from(JSON.stringify({ sequence }));
    const options = { qos: 1 } as const;
    this.publisher.send([{ topic: TOPICS.result('c'), payload, importance: 'result', options }]);
    return sequence;
  }

  /** Everything logged so far, once each. */
  get said(): string {
    return [...new Set(this.log)].join('\n');
  }

  get connected(): boolean {
    return this.publisher.figures.connected;
  }

  async close(): Promise<void> {
    this.#leaveStatus();
    await this.publisher.close(message(statusOf('offline')), 2000);
    await this.#connecting;
    await rm(this.#folder, { recursive: true, force: true });
  }

  #tell(): void {
    const { topic, payload } = message(statusOf('online'));
    this.publisher.retain(topic, payload);
  }
}

/** A device's configuration with this section. */
function configOf(broker: BrokerSection): DeviceConfig {
  const cameras = [{ name: 'c', source: { type: 'test' } }];
  return deviceConfigSchema.parse({ ...ADDRESS, bundle: '.', broker, cameras });
}

/** Hears what a broker has of the device. */
export class Witness {
  readonly sequences: number[] = [];
  readonly states: { state: StatusMessage['state']; retained: boolean }[] = [];

  private constructor(readonly client: Awaited<ReturnType<typeof connectMqtt>>) {
    client.on('message', (topic, payload, { retain }) => {
      const heard = JSON.parse(payload.toString());
      if (topic === TOPICS.status) this.states.push({ state: (heard as StatusMessage).state, retained: retain });
      else this.sequences.push((heard as ResultMessage['frame']).sequence);
    });
  }

  static async at(url: string, options: Parameters<typeof connectMqtt>[1] = {}): Promise<Witness> {
    const client = await connectMqtt(url, options, { longestWaitMs: 200 });
    const witness = new Witness(client);
    await client.subscribeAsync([TOPICS.status, TOPICS.result('c')], { qos: 1 });
    return witness;
  }

  get state(): StatusMessage['state'] | undefined {
    return this.states.at(-1)?.state;
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }
}

function statusOf(state: StatusMessage['state']): StatusMessage {
  return { schema: 'beltsight.status/1', state, at: new Date().toISOString(), device: ADDRESS };
}

function message(status: StatusMessage) {
  return { topic: TOPICS.status, payload: Buffer.from(JSON.stringify(status)) };
}
