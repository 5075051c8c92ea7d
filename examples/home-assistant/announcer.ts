import { connectMqtt, type DeviceAddress, parseTopic, statusSchema } from '@beltsight/sdk';
import type { MqttClient } from 'mqtt';
import { configsOf, type DeviceConfig, idOf, ORIGIN } from './discovery.js';

/** Bound on what publishers of the broker can make this program remember. */
const MAX_CONFIGS = 2000;

export interface AnnouncerOptions {
  /** Address of the MQTT broker. */
  readonly broker: string;
  /** Discovery prefix of Home Assistant. */
  readonly prefix: string;
  /** Devices that have not been heard so long after the start are gone. */
  readonly settleMs: number;
  /** Devices that are offline for so long are gone; undefined: they come back some day. */
  readonly forgetMs?: number | undefined;
}

/** What we published of one device or camera. */
interface Published {
  readonly text: string;
  /** Id of the device that it belongs to. */
  readonly hub: string;
}

/**
 * Publishes discovery configurations of the devices that it hears, and removes those of devices that are gone: the retained
 * status was cleared, or the device was offline for too long, or was never heard any more. It keeps no file: what it
 * published before a restart is retained by the broker.
 *
 * It has a connection of its own instead of InspectionClient's: it publishes, and a cleared status is no status message.
 */
export class Announcer {
  readonly #published = new Map<string, Published>();
  readonly #heard = new Set<string>();
  /** When devices went offline, by the monotonic clock in ms. */
  readonly #offline = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(
    private readonly client: MqttClient,
    private readonly options: AnnouncerOptions,
  ) {
    client.on('message', (topic, payload) => this.#receive(topic, new TextDecoder().decode(payload)));
  }

  /** @throws BeltsightError BROKER_UNREACHABLE */
  static async start(options: AnnouncerOptions): Promise<Announcer> {
    const client = await connectMqtt(options.broker);
    const announcer = new Announcer(client, options);
    await client.subscribeAsync([`${options.prefix}/device/+/config`, 'beltsight/1/+/+/+/status'], { qos: 1 });
    announcer.#watch();
    return announcer;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.client.endAsync();
  }

  #watch(): void {
    const { settleMs, forgetMs } = this.options;
    const settled = setTimeout(() => {
      for (const { hub } of this.#published.values()) if (!this.#heard.has(hub)) this.#remove(hub);
    }, settleMs);
    this.#timers.push(settled);
    if (forgetMs === undefined) return;
    const forget = () => {
      for (const [hub, since] of this.#offline) if (performance.now() - since > forgetMs) this.#remove(hub);
    };
    this.#timers.push(setInterval(forget, Math.min(60_000, Math.max(100, forgetMs))));
  }

  #receive(topic: string, payload: string): void {
    const about = parseTopic(topic);
    if (about?.kind === 'status') this.#tryStatus(topic, about, payload);
    else if (topic.startsWith(`${this.options.prefix}/device/`)) this.#config(topic, payload);
  }

  /** Anybody at the broker may publish names that are no levels of a topic. */
  #tryStatus(topic: string, address: DeviceAddress, payload: string): void {
    try {
      this.#status(address, payload);
    } catch (error) {
      console.error(`${topic}: ${(error as Error).message}`);
    }
  }

  /** A configuration, of ours or of others, from before this start or just published. */
  #config(topic: string, payload: string): void {
    const config = parse(payload) as Partial<DeviceConfig> | undefined;
    const hub = config?.device?.via_device ?? config?.device?.identifiers?.[0];
    if (config?.origin?.name !== ORIGIN || hub === undefined) this.#published.delete(topic);
    else if (this.#published.size < MAX_CONFIGS) this.#published.set(topic, { text: payload, hub });
  }

  #status(address: DeviceAddress, payload: string): void {
    const hub = idOf(address.site, address.line, address.device);
    if (payload === '') {
      this.#remove(hub);
      return;
    }
    const { data: status } = statusSchema.safeParse(parse(payload));
    if (!status) return;
    this.#heard.add(hub);
    if (status.state !== 'offline') this.#offline.delete(hub);
    else if (!this.#offline.has(hub)) this.#offline.set(hub, performance.now());
    // A last will knows neither cameras nor software.
    if (status.state === 'offline' || !status.cameras) return;
    const wanted = new Map(
      [...configsOf(address, status)].map(([id, config]) => [
        `${this.options.prefix}/device/${id}/config`,
        JSON.stringify(config),
      ]),
    );
    for (const [topic, text] of wanted) {
      if (this.#published.get(topic)?.text !== text && this.#published.size < MAX_CONFIGS) {
        this.#published.set(topic, { text, hub });
        this.#publish(topic, text);
      }
    }
    for (const [topic, published] of this.#published) {
      if (published.hub === hub && !wanted.has(topic)) this.#clear(topic);
    }
  }

  #remove(hub: string): void {
    this.#heard.delete(hub);
    this.#offline.delete(hub);
    for (const [topic, published] of this.#published) if (published.hub === hub) this.#clear(topic);
  }

  #clear(topic: string): void {
    this.#published.delete(topic);
    this.#publish(topic, '');
  }

  #publish(topic: string, payload: string): void {
    this.client.publishAsync(topic, payload, { qos: 1, retain: true }).catch((error: Error) => {
      // The connection was closed for good; with the broker away the client keeps the message.
      console.error(`${topic}: ${error.message}`);
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
