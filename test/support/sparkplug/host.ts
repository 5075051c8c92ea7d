import mqtt, { type MqttClient } from 'mqtt';
import { type ReadMetric, type ReadPayload, readPayload, type Written, writePayload } from './decode.js';

/** A Sparkplug message that the host received. */
export interface Received {
  readonly topic: string;
  readonly kind: string;
  readonly device: string | undefined;
  readonly payload: ReadPayload;
}

/** What the host believes of the edge node or of one of its devices. */
export interface Believed {
  readonly online: boolean;
  /** Values by metric name: what births and live data said. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** A Sparkplug host application for tests, written after the specification alone. */
export class TestHost {
  readonly received: Received[] = [];
  readonly historical: { device: string | undefined; name: string; value: unknown; timestamp: number }[] = [];
  readonly #aliases = new Map<number, string>();
  readonly #scopes = new Map<string | undefined, { online: boolean; values: Map<string, unknown> }>();
  #bdSeq: number | undefined;

  private constructor(
    private readonly client: MqttClient,
    private readonly id: string,
    private readonly group: string,
    private readonly node: string,
    private readonly since: number,
  ) {}

  /** Connects with an offline STATE as its will, subscribes, and says that it is online (section 5.13). */
  static async connect(
    url: string,
    { id, group, node, online = true }: { id: string; group: string; node: string; online?: boolean },
  ): Promise<TestHost> {
    const since = Date.now();
    const payload = JSON.stringify({ online: false, timestamp: since });
    const client = await mqtt.connectAsync(url, {
      protocolVersion: 4,
      reconnectPeriod: 100,
      will: { topic: `spBv1.0/STATE/${id}`, payload: Buffer.from(payload), qos: 1, retain: true },
    });
    const host = new TestHost(client, id, group, node, since);
    client.on('message', (topic, bytes) => host.#hear(topic, bytes));
    client.on('error', () => undefined);
    await client.subscribeAsync('spBv1.0/#', { qos: 1 });
    if (online) await host.state(true);
    return host;
  }

  /** Publishes its STATE; a timestamp of its own makes it older or newer than it is. */
  async state(online: boolean, timestamp = this.since, id = this.id): Promise<void> {
    const payload = JSON.stringify({ online, timestamp });
    await this.client.publishAsync(`spBv1.0/STATE/${id}`, payload, { qos: 1, retain: true });
  }

  /** Publishes anything where the edge node listens. */
  async publish(topic: string, payload: Buffer | string): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 0 });
  }

  /** Writes a metric by its alias, where births gave it one (section 5.17). */
  async write(device: string | undefined, name: string, value: Written): Promise<void> {
    const alias = [...this.#aliases].find(([, known]) => known === scoped(device, name))?.[0];
    const metric = { ...(alias === undefined ? { name } : { alias }), ...value };
    await this.publish(this.commandTopic(device), writePayload([metric]));
  }

  commandTopic(device?: string): string {
    const base = `spBv1.0/${this.group}/${device ? 'DCMD' : 'NCMD'}/${this.node}`;
    return device ? `${base}/${device}` : base;
  }

  rebirth(): Promise<void> {
    return this.publish(this.commandTopic(), writePayload([{ name: 'Node Control/Rebirth', booleanValue: true }]));
  }

  believed(device?: string): Believed {
    return this.#scopes.get(device) ?? { online: false, values: new Map() };
  }

  count(kind: string): number {
    return this.received.filter((message) => message.kind === kind).length;
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #hear(topic: string, bytes: Buffer): void {
    const [, group, kind = '', node, device] = topic.split('/');
    if (group !== this.group || node !== this.node || kind.endsWith('CMD')) return;
    const payload = readPayload(bytes);
    this.received.push({ topic, kind, device, payload });
    if (kind === 'NBIRTH' || kind === 'DBIRTH') this.#birth(device, payload.metrics);
    else if (kind === 'NDATA' || kind === 'DDATA') this.#data(device, payload.metrics);
    else if (kind === 'DDEATH') this.#scope(device).online = false;
    else if (kind === 'NDEATH' && payload.metrics[0]?.value === this.#bdSeq) {
      for (const scope of this.#scopes.values()) scope.online = false;
    }
  }

  #birth(device: string | undefined, metrics: readonly ReadMetric[]): void {
    if (device === undefined) {
      this.#aliases.clear();
      this.#bdSeq = Number(metrics.find(({ name }) => name === 'bdSeq')?.value);
    }
    const scope = this.#scope(device);
    scope.online = true;
    scope.values.clear();
    for (const metric of metrics) {
      const name = metric.name ?? '';
      if (metric.alias !== undefined) this.#aliases.set(metric.alias, scoped(device, name));
      scope.values.set(name, metric.isNull ? null : metric.value);
    }
  }

  #data(device: string | undefined, metrics: readonly ReadMetric[]): void {
    for (const metric of metrics) {
      const known = metric.alias === undefined ? undefined : this.#aliases.get(metric.alias);
      const name = metric.name ?? known?.slice(scoped(device, '').length) ?? '?';
      const value = metric.isNull ? null : metric.value;
      if (metric.historical) this.historical.push({ device, name, value, timestamp: metric.timestamp ?? 0 });
      else this.#scope(device).values.set(name, value);
    }
  }

  #scope(device: string | undefined): { online: boolean; values: Map<string, unknown> } {
    const scope = this.#scopes.get(device) ?? { online: false, values: new Map() };
    this.#scopes.set(device, scope);
    return scope;
  }
}

const scoped = (device: string | undefined, name: string) => `${device ?? ''}\n${name}`;
