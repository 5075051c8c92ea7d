import type { ResultMessage, StatusMessage } from '@beltsight/sdk';
import { connectMqtt, topicsOf } from '@beltsight/sdk';
import pino from 'pino';
import { type DeviceConfig, deviceConfigSchema } from '../../device/src/config/schema.js';
import { connectionOf } from '../../device/src/publish/connection.js';
import { keepStatusRight } from '../../device/src/publish/own-status.js';
import { Publisher } from '../../device/src/publish/publisher.js';

const ADDRESS = { site: 's', line: 'l', device: 'd' };
export const TOPICS = topicsOf(ADDRESS);

/** How a test connects: the `broker` section of the configuration. */
export type BrokerSection = { readonly url: string } & Readonly<Record<string, unknown>>;

/** All of a device that talks to the broker, without camera and model. */
export class ReportingDevice {
  readonly log: string[] = [];
  readonly publisher: Publisher;
  readonly #leaveStatus: () => void;
  readonly #connecting: Promise<void>;
  #sent = 0;

  constructor(broker: BrokerSection) {
    const config = configOf(broker);
    const logger = pino({ base: null }, { write: (line: string) => void this.log.push(JSON.parse(line).msg) });
    const connect = connectionOf(config, () => message(statusOf('offline')), logger);
    this.publisher = new Publisher({ connect, limits: { maxMessages: 100_000, maxBytes: 2 ** 28 }, logger });
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
  }

  #tell(): void {
    const { topic, payload } = message(statusOf('online'));
    this.publisher.setStatus(topic, payload);
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
