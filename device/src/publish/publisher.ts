import { setTimeout as sleep } from 'node:timers/promises';
import type { IClientPublishOptions, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import { type Importance, Outbox, type OutboxLimits, type OutgoingMessage } from './outbox.js';

/**
 * Opens the connection; its last will says that the device is offline. Tries until there is a broker, and says why there is none.
 * @param connected hears the broker's CONNACK at this and every later connection
 * @param signal ends the trying: it rejects
 */
export type Connect = (connected: (packet: IConnackPacket) => void, signal?: AbortSignal) => Promise<MqttClient>;

export interface PublisherOptions {
  readonly connect: Connect;
  readonly limits: OutboxLimits;
  readonly logger: Logger;
}

/** Messages handed to the client and not yet acknowledged, at most. */
const WINDOW = 20;

/** Hears the messages of a subscription. It must not throw, and returns at once. */
export type Listener = (message: IPublishPacket) => void;

/** How publishing goes, for status and metrics. */
export interface PublisherFigures {
  readonly connected: boolean;
  /** Times the connection was lost and made again. */
  readonly reconnects: number;
  /** Messages that wait for the broker. */
  readonly waiting: number;
  readonly dropped: Readonly<Record<Importance | 'tooLarge', number>>;
}

/** The messages of one inspected frame, pictures first: whoever sees the result already has them. */
export type Publication = readonly OutgoingMessage[];

/**
 * Hands messages to the broker in order, and keeps them in a bounded outbox while it is away. Never blocks whoever
 * publishes; keeps to the broker's receive maximum and packet size, which the MQTT client itself ignores.
 */
export class Publisher {
  readonly #outbox: Outbox;
  readonly #closing = new AbortController();
  #client: MqttClient | undefined;
  #status: { topic: string; payload: Buffer } | undefined;
  #limits = { window: WINDOW, packetBytes: Number.POSITIVE_INFINITY };
  #inFlight = 0;
  #tooLarge = 0;
  #waiters: (() => void)[] = [];
  #connections = 0;
  readonly #subscriptions = new Map<string, Listener>();

  constructor(private readonly options: PublisherOptions) {
    this.#outbox = new Outbox(options.limits);
  }

  /** Messages lost since the start: the outbox was full, or the broker takes no packet so large. */
  get dropped(): Readonly<Record<Importance | 'tooLarge', number>> {
    return { ...this.#outbox.dropped, tooLarge: this.#tooLarge };
  }

  /** Resolves when there is a broker; from then on the client reconnects by itself. */
  async start(): Promise<void> {
    const { signal } = this.#closing;
    try {
      const client = await this.options.connect(({ properties }) => this.#connected(properties), signal);
      if (signal.aborted) client.end(true);
      else this.#adopt(client);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  send(publication: Publication): void {
    const before = this.#outbox.dropped;
    for (const message of publication) this.#outbox.push(message);
    const after = this.#outbox.dropped;
    if (after.result > before.result && before.result === 0) {
      this.options.logger.error('The outbox is full: the oldest results are lost. Is the broker there?');
    } else if (after.picture > before.picture && before.picture === 0) {
      this.options.logger.warn('The outbox is full: the oldest pictures are dropped. Is the broker there?');
    }
    this.#pump();
  }

  get figures(): PublisherFigures {
    const { dropped } = this;
    const connected = this.#client?.connected ?? false;
    return { connected, reconnects: Math.max(0, this.#connections - 1), waiting: this.#pending, dropped };
  }

  /**
   * Listens to a topic (no wildcards), from now on and whenever the connection comes back. A retained message comes each time.
   */
  subscribe(topic: string, listener: Listener): void {
    this.#subscriptions.set(topic, listener);
    this.#subscribe([topic]);
  }

  /** Publishes at once, past the outbox; where there is no broker, the message is gone: replies nobody waits for any more. */
  say(topic: string, payload: Buffer, options: IClientPublishOptions): void {
    if (!this.#client?.connected) return;
    this.#client.publish(topic, payload, options, () => undefined);
  }

  /** Publishes the retained status now, and again whenever the connection comes back. */
  setStatus(topic: string, payload: Buffer): void {
    this.#status = { topic, payload };
    this.#publishStatus();
  }

  /** Resolves when the outbox is less than half full: for sources that can wait. */
  async ready(signal: AbortSignal): Promise<void> {
    while (this.#outbox.fill > 0.5 && !signal.aborted) await this.#changed(signal);
  }

  /** Resolves when all is delivered, or after `timeoutMs`; says whether all was. */
  async flush(timeoutMs: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs);
    while (this.#pending > 0 && !timeout.aborted) await this.#changed(timeout);
    return this.#pending === 0;
  }

  /** Says `status` as the last word and ends the connection. */
  async close(status: { topic: string; payload: Buffer } | undefined, timeoutMs: number): Promise<void> {
    this.#closing.abort();
    const client = this.#client;
    if (!client) return;
    const goodbye = async () => {
      if (status && client.connected) await client.publishAsync(status.topic, status.payload, RETAINED);
      await client.endAsync();
    };
    await Promise.race([goodbye().catch(() => undefined), sleep(timeoutMs, undefined, { ref: false })]);
    client.end(true);
  }

  get #pending(): number {
    return this.#outbox.size + this.#inFlight;
  }

  #adopt(client: MqttClient): void {
    this.#client = client;
    client.on('message', (topic, _payload, packet) => this.#subscriptions.get(topic)?.(packet));
    this.#greet();
  }

  #connected(properties: { receiveMaximum?: number; maximumPacketSize?: number } | undefined): void {
    this.#limits = {
      window: Math.min(WINDOW, properties?.receiveMaximum ?? WINDOW),
      packetBytes: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    };
    if (this.#client) this.#greet();
  }

  #greet(): void {
    this.#connections++;
    this.options.logger.info('Connected to the broker.');
    this.#subscribe([...this.#subscriptions.keys()]);
    this.#publishStatus();
    this.#pump();
  }

  #subscribe(topics: string[]): void {
    if (topics.length === 0 || !this.#client?.connected) return;
    this.#client.subscribe(topics, { qos: 1 }, (error) => {
      if (error && this.#client?.connected)
        this.options.logger.error({ err: error, topics }, `The broker refuses a subscription: ${error.message}`);
    });
  }

  #publishStatus(): void {
    if (!this.#status || !this.#client?.connected) return;
    this.#client.publish(this.#status.topic, this.#status.payload, RETAINED, () => undefined);
  }

  #pump(): void {
    const client = this.#client;
    while (client?.connected && this.#inFlight < this.#limits.window) {
      const message = this.#outbox.shift();
      if (!message) break;
      if (message.payload.length + message.topic.length + PACKET_OVERHEAD > this.#limits.packetBytes) {
        this.#refuse(message);
        continue;
      }
      this.#inFlight++;
      client.publish(message.topic, message.payload, message.options, (error) => {
        this.#inFlight--;
        if (error) this.options.logger.warn({ err: error, topic: message.topic }, `MQTT: ${error.message}`);
        this.#pump();
        this.#notify();
      });
    }
    this.#notify();
  }

  /** A broker drops a client that sends more than it takes, and a picture sent again would loop for ever. */
  #refuse({ topic, payload }: OutgoingMessage): void {
    if (this.#tooLarge++ > 0) return;
    const { packetBytes } = this.#limits;
    this.options.logger.warn(
      { topic },
      `A message of ${payload.length} bytes is larger than the broker takes (${packetBytes}): dropped. Raise its limit or switch off frames.`,
    );
  }

  #notify(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async #changed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.push(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

const RETAINED = { qos: 1, retain: true } as const;
/** Fixed header, lengths, packet id and properties of a PUBLISH. */
const PACKET_OVERHEAD = 128;
