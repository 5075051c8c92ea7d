import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusMessage } from '@beltsight/sdk';
import type { IClientPublishOptions, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import type { Loss } from '../spool/backlog.js';
import { type BrokerLimits, Delivery } from './delivery.js';
import { Losses } from './losses.js';
import type { Outbox, OutgoingMessage } from './outbox.js';

/**
 * Opens the connection; its last will says that the device is offline. Tries until there is a broker, and says why there is none.
 * @param connected hears the broker's CONNACK at this and every later connection
 * @param signal ends the trying: it rejects
 */
export type Connect = (connected: (packet: IConnackPacket) => void, signal?: AbortSignal) => Promise<MqttClient>;

export interface PublisherOptions {
  readonly connect: Connect;
  /** What waits; the publisher closes it. */
  readonly outbox: Outbox;
  readonly logger: Logger;
}

/** Hears the messages of a subscription. It must not throw, and returns at once. */
export type Listener = (message: IPublishPacket) => void;

export interface SubscribeOptions {
  /** 0: what comes while the connection is away is gone. */
  readonly qos?: 0 | 1;
  /** Hears each time that the broker has taken the subscription. */
  readonly granted?: () => void;
}

/** Why messages are lost: in the spool, or at the broker. */
type Dropped = Readonly<Record<Loss | 'tooLarge' | 'refused', number>>;

/** How publishing goes, for status and metrics. */
export interface PublisherFigures {
  readonly connected: boolean;
  /** Times the connection was lost and made again. */
  readonly reconnects: number;
  /** Messages that wait for the broker or for its acknowledgement. */
  readonly waiting: number;
  /** Bytes that they take. */
  readonly waitingBytes: number;
  /** When the oldest of them was made, in milliseconds since 1970. */
  readonly oldestAt: number | undefined;
  /** Messages lost since the start. */
  readonly dropped: Dropped;
  /** Why the spool cannot be written: what waits is in memory only. */
  readonly spoolFault: string | undefined;
}

/** The messages of one inspected frame, pictures first: whoever sees the result already has them. */
export type Publication = readonly OutgoingMessage[];

/**
 * Hands messages to the broker in order, and keeps them in the outbox until it has them. Never blocks whoever publishes.
 */
export class Publisher {
  readonly #closing = new AbortController();
  readonly #delivery: Delivery;
  readonly #losses: Losses;
  #client: MqttClient | undefined;
  #limits: BrokerLimits = {};
  #waiters: (() => void)[] = [];
  #connections = 0;
  readonly #subscriptions = new Map<string, (Required<SubscribeOptions> & { readonly listener: Listener })[]>();
  /** By topic; few. */
  readonly #retained = new Map<string, Buffer>();

  constructor(private readonly options: PublisherOptions) {
    this.#delivery = new Delivery(options.outbox, options.logger, () => this.#notify());
    this.#losses = new Losses(options.logger);
  }

  /** Resolves when there is a broker; from then on the client reconnects by itself. Never rejects: results wait in the outbox. */
  async start(): Promise<void> {
    const { signal } = this.#closing;
    try {
      const client = await this.options.connect(({ properties }) => this.#connected(properties), signal);
      if (signal.aborted) client.end(true);
      else this.#adopt(client);
    } catch (error) {
      if (!signal.aborted) this.options.logger.error({ err: error }, `MQTT: ${(error as Error).message}`);
    }
  }

  send(publication: Publication): void {
    for (const message of publication) this.options.outbox.push(message);
    this.#delivery.pump();
    this.#losses.look(this.options.outbox.figures.dropped);
  }

  get figures(): PublisherFigures {
    const { messages, bytes, oldestAt, dropped, fault } = this.options.outbox.figures;
    return {
      connected: this.#client?.connected ?? false,
      reconnects: Math.max(0, this.#connections - 1),
      waiting: messages,
      waitingBytes: bytes,
      oldestAt,
      dropped: { ...dropped, ...this.#delivery.dropped },
      spoolFault: fault,
    };
  }

  /** What the status says of the spool. */
  get spoolStatus(): NonNullable<StatusMessage['spool']> {
    const { waiting, waitingBytes, oldestAt, dropped, spoolFault } = this.figures;
    return {
      messages: waiting,
      bytes: waitingBytes,
      ...(oldestAt === undefined ? {} : { oldestAt: new Date(oldestAt).toISOString() }),
      dropped: { ...dropped },
      ...(spoolFault === undefined ? {} : { fault: spoolFault }),
    };
  }

  /** Listens to a topic (no wildcards), from now on and whenever the connection comes back. A retained message comes each time. */
  subscribe(topic: string, listener: Listener, { qos = 1, granted = () => undefined }: SubscribeOptions = {}): void {
    this.#subscriptions.set(topic, [...this.#of(topic), { listener, qos, granted }]);
    this.#subscribe([topic]);
  }

  /** Publishes at once, past the outbox; where there is no broker, the message is gone: replies nobody waits for any more. */
  say(topic: string, payload: Buffer, options: IClientPublishOptions): void {
    if (!this.#client?.connected) return;
    this.#client.publish(topic, payload, options, () => undefined);
  }

  /** Has a topic hold a retained message: publishes it now, and the latest again whenever the connection comes back. */
  retain(topic: string, payload: Buffer): void {
    this.#retained.set(topic, payload);
    this.#publishRetained(topic, payload);
  }

  /** Resolves when little waits: for sources that can wait. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.options.outbox.roomy && !signal.aborted) await this.#changed(signal);
  }

  /** Resolves when all is delivered, or after `timeoutMs`; says whether all was. */
  async flush(timeoutMs: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs);
    while (this.options.outbox.size > 0 && !timeout.aborted) await this.#changed(timeout);
    return this.options.outbox.size === 0;
  }

  /** Says `status` as the last word, ends the connection and closes the outbox: what was not delivered waits on disk. */
  async close(status: { topic: string; payload: Buffer } | undefined, timeoutMs: number): Promise<void> {
    this.#closing.abort();
    this.#delivery.stop();
    const client = this.#client;
    if (client) {
      const goodbye = async () => {
        if (status && client.connected) await client.publishAsync(status.topic, status.payload, RETAINED);
        await client.endAsync();
      };
      await Promise.race([goodbye().catch(() => undefined), sleep(timeoutMs, undefined, { ref: false })]);
      client.end(true);
    }
    await this.options.outbox.close();
  }

  #adopt(client: MqttClient): void {
    this.#client = client;
    client.on('close', () => this.#delivery.offline());
    client.on('message', (topic, _payload, packet) => {
      for (const { listener } of this.#of(topic)) listener(packet);
    });
    this.#greet(client);
  }

  #connected(limits: BrokerLimits | undefined): void {
    this.#limits = limits ?? {};
    if (this.#client) this.#greet(this.#client);
  }

  #greet(client: MqttClient): void {
    this.#connections++;
    this.options.logger.info('Connected to the broker.');
    this.#subscribe([...this.#subscriptions.keys()]);
    for (const [topic, payload] of this.#retained) this.#publishRetained(topic, payload);
    if (client.connected) this.#delivery.online(client, this.#limits);
  }

  #of(topic: string) {
    return this.#subscriptions.get(topic) ?? [];
  }

  #subscribe(topics: string[]): void {
    if (topics.length === 0 || !this.#client?.connected) return;
    const qosOf = (topic: string) => ({ qos: this.#of(topic).some(({ qos }) => qos === 1) ? 1 : 0 }) as const;
    this.#client.subscribe(Object.fromEntries(topics.map((topic) => [topic, qosOf(topic)])), (error) => {
      if (error && this.#client?.connected)
        this.options.logger.error({ err: error, topics }, `The broker refuses a subscription: ${error.message}`);
      if (!error) for (const topic of topics) for (const { granted } of this.#of(topic)) granted();
    });
  }

  #publishRetained(topic: string, payload: Buffer): void {
    if (this.#client?.connected) this.#client.publish(topic, payload, RETAINED, () => undefined);
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
