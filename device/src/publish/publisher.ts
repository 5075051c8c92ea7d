import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusMessage } from '@beltsight/sdk';
import type { IClientPublishOptions, IConnackPacket, MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import type { Loss } from '../spool/backlog.js';
import { type BrokerLimits, Delivery } from './delivery.js';
import { InFlight } from './flow/in-flight.js';
import { watchForStall } from './flow/stall.js';
import { type Listener, type SubscribeOptions, Subscriptions } from './flow/subscriptions.js';
import { Voice } from './flow/voice.js';
import { Losses } from './losses.js';
import type { Outbox, OutgoingMessage } from './outbox.js';
import { Refusals } from './refusal.js';

export type { Listener } from './flow/subscriptions.js';

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
  /** How long the broker may take to acknowledge a message; default: 30 s, or one and a half times the keepalive. */
  readonly patienceMs?: number;
}

/** Why messages are lost: in the spool, or at the broker. */
type Dropped = Readonly<Record<Loss | 'tooLarge' | 'refused', number>>;

/** How publishing goes, for status and metrics. */
export interface PublisherFigures {
  /** Whether what is published goes out at once. */
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
  readonly #inFlight = new InFlight();
  readonly #refusals: Refusals;
  readonly #delivery: Delivery;
  readonly #voice: Voice;
  readonly #subscriptions: Subscriptions;
  readonly #losses: Losses;
  #client: MqttClient | undefined;
  /** From when the client has sent again what was in flight: until then it keeps back whatever it is given. */
  #open = false;
  #limits: BrokerLimits = {};
  #waiters: (() => void)[] = [];
  #connections = 0;
  #endWatch = () => {};

  constructor(private readonly options: PublisherOptions) {
    const { outbox, logger } = options;
    const refusals = new Refusals(logger);
    const inFlight = this.#inFlight;
    const landed = () => {
      this.#delivery.pump();
      this.#notify();
    };
    this.#voice = new Voice({ line: () => this.#line, inFlight, refusals, landed });
    const changed = () => {
      this.#voice.pump();
      this.#notify();
    };
    this.#delivery = new Delivery({ outbox, inFlight, refusals, logger, changed });
    this.#refusals = refusals;
    this.#subscriptions = new Subscriptions(logger);
    this.#losses = new Losses(logger);
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
      connected: this.#line !== undefined,
      reconnects: Math.max(0, this.#connections - 1),
      waiting: messages,
      waitingBytes: bytes,
      oldestAt,
      dropped: { ...dropped, tooLarge: this.#delivery.tooLarge, refused: this.#refusals.count },
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
    this.#subscriptions.add(topic, { listener, qos, granted });
    if (this.#line) this.#subscriptions.ask(this.#line, [topic]);
  }

  /**
   * Publishes past the outbox; where there is no broker, the message is gone: replies nobody waits for any more. With QoS 1 it waits
   * while the broker takes no more, and of too many that wait the oldest is gone.
   */
  say(topic: string, payload: Buffer, options: IClientPublishOptions): void {
    this.#voice.say(topic, payload, options);
  }

  /**
   * Publishes at once or never: for what is wrong a moment later. It is not sent again over a lost connection either, whatever its
   * quality of service. False if it was not sent.
   */
  sayNow(topic: string, payload: Buffer, options: IClientPublishOptions): boolean {
    return this.#voice.sayNow(topic, payload, options);
  }

  /** Has a topic hold a retained message: publishes it now, and the latest again whenever the connection comes back. */
  retain(topic: string, payload: Buffer, properties?: IClientPublishOptions['properties']): void {
    this.#voice.retain(topic, payload, properties);
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
      const goodbye = this.#goodbye(client, status, AbortSignal.timeout(timeoutMs)).catch(() => undefined);
      await Promise.race([goodbye, sleep(timeoutMs, undefined, { ref: false })]);
      client.end(true);
      // An end that waits for acknowledgements does not heed another one.
      client.stream.destroy();
    }
    this.#endWatch();
    await this.options.outbox.close();
  }

  /** Where the connection is away or only coming, it just ends: then the will speaks. */
  async #goodbye(client: MqttClient, status: { topic: string; payload: Buffer } | undefined, signal: AbortSignal) {
    if (!this.#line) return;
    if (status) this.retain(status.topic, status.payload);
    while (this.#line && !this.#voice.idle && !signal.aborted) await this.#changed(signal);
    if (!this.#line || signal.aborted) return;
    this.#open = false;
    await client.endAsync();
  }

  #adopt(client: MqttClient): void {
    this.#client = client;
    this.#inFlight.follow(client);
    this.#endWatch = watchForStall(client, this.#inFlight, this.options.logger, this.options.patienceMs);
    client.on('close', () => this.#left(client));
    client.on('message', (topic, _payload, packet) => this.#subscriptions.hear(topic, packet));
    this.#greet(client);
  }

  #connected(limits: BrokerLimits | undefined): void {
    this.#limits = limits ?? {};
    if (this.#client) this.#greet(this.#client);
  }

  #greet(client: MqttClient): void {
    this.#connections++;
    this.options.logger.info('Connected to the broker.');
    this.#open = client.connected;
    if (!this.#open) return;
    this.#inFlight.limit(this.#limits.receiveMaximum);
    this.#subscriptions.ask(client);
    this.#voice.begin();
    this.#delivery.online(client, this.#limits);
  }

  #left(client: MqttClient): void {
    this.#open = false;
    this.#voice.end(client);
    this.#delivery.offline();
    this.#notify();
  }

  /** The client, while what it is given goes out at once. */
  get #line(): MqttClient | undefined {
    return this.#open && this.#client?.connected ? this.#client : undefined;
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
