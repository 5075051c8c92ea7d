import type { MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import type { Outbox, OutgoingMessage } from './outbox.js';
import { pauseAfter, refusalOf, remedyOf } from './refusal.js';

/** Messages handed to the client and not yet acknowledged, at most. */
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

/**
 * Hands what waits in the outbox to the broker, oldest first, and takes it out when the broker has it. Keeps to the broker's
 * receive maximum and packet size, which the MQTT client itself ignores. Unacknowledged messages stay in flight while the
 * connection is away: the client sends them again, in their order and with their packet ids (MQTT 5, section 4.4), before it says
 * that it is connected.
 */
export class Delivery {
  #client: MqttClient | undefined;
  #online = false;
  #limits = { window: WINDOW, packetBytes: Number.POSITIVE_INFINITY };
  /** Keys in flight, with their quality of service. */
  readonly #flying = new Map<number, 0 | 1 | 2>();
  /** Times that the broker has refused a message. */
  readonly #attempts = new Map<number, number>();
  #pause: NodeJS.Timeout | undefined;
  #loading = false;
  #tooLarge = 0;
  #refused = 0;

  /** @param changed hears that messages were taken out */
  constructor(
    private readonly outbox: Outbox,
    private readonly logger: Logger,
    private readonly changed: () => void,
  ) {}

  /** Messages dropped since the start: larger than the broker takes, and refused by it. */
  get dropped(): { readonly tooLarge: number; readonly refused: number } {
    return { tooLarge: this.#tooLarge, refused: this.#refused };
  }

  /** The broker is there. */
  online(client: MqttClient, { receiveMaximum = WINDOW, maximumPacketSize }: BrokerLimits): void {
    // Another client knows nothing of what the one before has sent.
    if (this.#client !== client) this.#flying.clear();
    this.#client = client;
    this.#online = true;
    this.#limits = {
      window: Math.min(WINDOW, receiveMaximum),
      packetBytes: maximumPacketSize ?? Number.POSITIVE_INFINITY,
    };
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
    while (this.#online && !this.#pause && !this.#loading && this.#flying.size < this.#limits.window) {
      const key = this.#nextGrounded(from);
      if (key === undefined) break;
      const message = this.outbox.get(key);
      if (message) this.#send(key, message);
      else void this.#load(key);
      from = key + 1;
    }
  }

  stop(): void {
    this.#online = false;
    this.#resume();
  }

  #nextGrounded(from: number): number | undefined {
    let key = this.outbox.next(from);
    while (key !== undefined && this.#flying.has(key)) key = this.outbox.next(key + 1);
    return key;
  }

  #send(key: number, message: OutgoingMessage): void {
    const { topic, payload, options } = message;
    if (payload.length + topic.length + PACKET_OVERHEAD > this.#limits.packetBytes) {
      this.#skip(key, message);
      return;
    }
    const secondsLeft = this.outbox.secondsLeft(key, message);
    if (secondsLeft !== undefined && secondsLeft <= 0) {
      this.outbox.expire(key);
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
    this.pump();
    this.changed();
  }

  #settle(key: number): void {
    this.#attempts.delete(key);
    this.outbox.remove(key);
  }

  #refuse(key: number, topic: string, reason: number, error: Error): void {
    const attempts = this.#attempts.get(key) ?? 0;
    if (remedyOf(reason, attempts) === 'retry') {
      this.#attempts.set(key, attempts + 1);
      this.#rest(pauseAfter(attempts));
      if (attempts === 0)
        this.logger.warn({ topic, reason }, `The broker does not take a message now: ${error.message}`);
      return;
    }
    this.#settle(key);
    // Every one is counted; the log shows the 1st, 10th, 100th.
    if (/^10*$/.test(String(++this.#refused))) {
      this.logger.error(
        { topic, reason, refused: this.#refused },
        `The broker refuses a message on ${topic}: ${error.message}. It is dropped. May the device publish there?`,
      );
    }
  }

  /** A broker drops a client that sends more than it takes, and a picture sent again would loop for ever. */
  #skip(key: number, { topic, payload }: OutgoingMessage): void {
    this.outbox.remove(key);
    this.changed();
    if (this.#tooLarge++ > 0) return;
    const { packetBytes } = this.#limits;
    this.logger.warn(
      { topic },
      `A message of ${payload.length} bytes is larger than the broker takes (${packetBytes}): dropped. Raise its limit or switch off frames.`,
    );
  }

  async #load(key: number): Promise<void> {
    this.#loading = true;
    await this.outbox.load(key);
    this.#loading = false;
    // Still there and not in memory: its disk is being seen to.
    if (this.outbox.next(key) === key && !this.outbox.get(key)) this.#rest(AGAIN_MS);
    this.pump();
    this.changed();
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
