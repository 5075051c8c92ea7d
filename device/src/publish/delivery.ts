import type { MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import type { InFlight } from './flow/in-flight.js';
import type { Outbox, OutgoingMessage } from './outbox.js';
import { pauseAfter, type Refusals, refusalOf } from './refusal.js';

/** Messages handed to the client and not yet settled, at most; of those with QoS 1 the broker may take less. */
const WINDOW = 20;
/** Bytes of a PUBLISH packet besides topic and payload, with room for properties. */
const PACKET_OVERHEAD = 128;
/** Before the next attempt when the client or the disk did not take part. */
const AGAIN_MS = 1000;

/** What the broker says of itself at each connection. */
export interface BrokerLimits {
  readonly receiveMaximum?: number;
  readonly maximumPacketSize?: number;
}

export interface DeliveryParts {
  readonly outbox: Outbox;
  readonly inFlight: Pick<InFlight, 'freeForBacklog'>;
  readonly refusals: Refusals;
  readonly logger: Logger;
  /** Hears that messages were taken out: before others take their place. */
  readonly changed: () => void;
}

/**
 * Hands what waits in the outbox to the broker, oldest first, and takes it out when the broker has it. Keeps to the broker's
 * receive maximum and packet size, which the MQTT client itself ignores. Unacknowledged messages stay in flight while the
 * connection is away: the client sends them again, in their order and with their packet ids (MQTT 5, section 4.4), before it says
 * that it is connected.
 */
export class Delivery {
  #client: MqttClient | undefined;
  #online = false;
  #packetBytes = Number.POSITIVE_INFINITY;
  /** Keys in flight, with their quality of service. */
  readonly #flying = new Map<number, 0 | 1 | 2>();
  /** Times that the broker has refused a message. */
  readonly #attempts = new Map<number, number>();
  #pause: NodeJS.Timeout | undefined;
  #loading = false;
  #tooLarge = 0;

  constructor(private readonly parts: DeliveryParts) {}

  /** Messages dropped since the start: larger than the broker takes. */
  get tooLarge(): number {
    return this.#tooLarge;
  }

  /** The broker is there. */
  online(client: MqttClient, { maximumPacketSize = Number.POSITIVE_INFINITY }: BrokerLimits): void {
    // Another client knows nothing of what the one before has sent.
    if (this.#client !== client) this.#flying.clear();
    this.#client = client;
    this.#online = true;
    this.#packetBytes = maximumPacketSize;
    this.#resume();
    this.pump();
  }

  /** The connection is gone. The client sends again what waits for an acknowledgement, and forgets the rest. */
  offline(): void {
    this.#online = false;
    for (const [key, qos] of this.#flying) if (qos === 0) this.#flying.delete(key);
  }

  /** Sends what fits. */
  pump(): void {
    let from = 0;
    while (this.#ready) {
      const key = this.#nextGrounded(from);
      if (key === undefined) break;
      const message = this.parts.outbox.get(key);
      if (message) this.#send(key, message);
      else void this.#load(key);
      from = key + 1;
    }
  }

  stop(): void {
    this.#online = false;
    this.#resume();
  }

  get #ready(): boolean {
    if (!this.#online || this.#pause || this.#loading) return false;
    return this.#flying.size < WINDOW && this.parts.inFlight.freeForBacklog;
  }

  #nextGrounded(from: number): number | undefined {
    const { outbox } = this.parts;
    let key = outbox.next(from);
    while (key !== undefined && this.#flying.has(key)) key = outbox.next(key + 1);
    return key;
  }

  #send(key: number, message: OutgoingMessage): void {
    const { topic, payload, options } = message;
    if (payload.length + topic.length + PACKET_OVERHEAD > this.#packetBytes) {
      this.#skip(key, message);
      return;
    }
    const secondsLeft = this.parts.outbox.secondsLeft(key, message);
    if (secondsLeft !== undefined && secondsLeft <= 0) {
      this.parts.outbox.expire(key);
      return;
    }
    const properties = {
      ...options.properties,
      ...(secondsLeft === undefined ? {} : { messageExpiryInterval: secondsLeft }),
    };
    this.#flying.set(key, options.qos ?? 0);
    this.#client?.publish(topic, payload, { ...options, properties }, (error) => this.#landed(key, topic, error));
  }

  #landed(key: number, topic: string, error: Error | null | undefined): void {
    // Not ours any more: its connection ended, or another client has it.
    if (!this.#flying.delete(key)) return;
    const reason = error ? refusalOf(error) : undefined;
    if (!error) this.#settle(key);
    else if (reason === undefined) this.#rest(AGAIN_MS);
    else this.#refuse(key, topic, reason, error);
    this.parts.changed();
    this.pump();
  }

  #settle(key: number): void {
    this.#attempts.delete(key);
    this.parts.outbox.remove(key);
  }

  #refuse(key: number, topic: string, reason: number, error: Error): void {
    const attempts = this.#attempts.get(key) ?? 0;
    if (this.parts.refusals.note(topic, reason, error, attempts) === 'drop') {
      this.#settle(key);
      return;
    }
    this.#attempts.set(key, attempts + 1);
    this.#rest(pauseAfter(attempts));
  }

  /** A broker drops a client that sends more than it takes, and a picture sent again would loop for ever. */
  #skip(key: number, { topic, payload }: OutgoingMessage): void {
    this.parts.outbox.remove(key);
    this.parts.changed();
    if (this.#tooLarge++ > 0) return;
    this.parts.logger.warn(
      { topic },
      `A message of ${payload.length} bytes is larger than the broker takes (${this.#packetBytes}): dropped. Raise its limit or switch off frames.`,
    );
  }

  async #load(key: number): Promise<void> {
    this.#loading = true;
    await this.parts.outbox.load(key);
    this.#loading = false;
    // Still there and not in memory: its disk is being seen to.
    if (this.parts.outbox.next(key) === key && !this.parts.outbox.get(key)) this.#rest(AGAIN_MS);
    this.pump();
    this.parts.changed();
  }

  /** Sends nothing for a while. */
  #rest(ms: number): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.pump();
    }, ms).unref();
  }

  #resume(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }
}
