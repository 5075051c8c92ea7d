import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorWithSubackPacket, MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import { encodePayload, type Metric } from '../payload/codec.js';
import { DATA_TYPES, toWire } from '../payload/datatype.js';
import type { DeviceKind, NodeKind, SparkplugTopics } from '../topics.js';
import { wrapped } from './counters.js';

/** How long the last word may take. */
const GOODBYE_MS = 2000;
/** Reason code "Disconnect with Will Message" (MQTT 5, section 3.14.2.1). */
const WITH_WILL = 4;
/** Reason codes from here on say that nothing was granted (MQTT 5, section 3.9.3; MQTT 3.1.1 knows this one only). */
const FIRST_REFUSAL = 0x80;
/** Fixed header, lengths and properties of a PUBLISH. */
const PACKET_OVERHEAD = 64;

/** The metric that ties a death to its birth. */
const bdSeqMetric = (bdSeq: number, timestamp = Date.now()): Metric => ({
  name: 'bdSeq',
  timestamp,
  datatype: DATA_TYPES.Int64,
  value: toWire('Int64', bdSeq),
});

/** Payload of the death certificate: the will, and the last word before a clean goodbye (section 6.4.25). */
export const deathPayload = (bdSeq: number, timestamp = Date.now()): Buffer =>
  Buffer.from(encodePayload({ timestamp, metrics: [bdSeqMetric(bdSeq, timestamp)] }));

export interface SessionParts {
  readonly client: MqttClient;
  readonly topics: SparkplugTopics;
  readonly bdSeq: number;
  /** The will with which the client connected. */
  readonly death: Buffer;
  /** Largest packet that the broker takes, in bytes. */
  readonly packetBytes: number;
  readonly logger: Logger;
}

/** One MQTT session of the edge node, from CONNECT to its end: numbers its messages and says its last word. */
export class Session {
  /** Resolves when the connection is gone, for whatever reason. */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #over = false;
  #seq = 255;
  #born = false;
  #tooLarge = 0;
  readonly #waiting = new Set<() => void>();

  /** @param heard hears every message of the subscriptions */
  constructor(
    private readonly parts: SessionParts,
    heard: (topic: string, payload: Buffer) => void,
  ) {
    const { client, logger } = parts;
    // A session ends with its connection: the next one has a will of its own.
    client.options.reconnectPeriod = 0;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    client.on('message', (topic, payload) => heard(topic, payload));
    client.on('error', (error) => logger.warn({ err: error }, `Sparkplug: ${error.message}`));
    client.once('close', () => this.#finish());
    if (!client.connected) this.#finish();
  }

  /** Whether messages can be sent. */
  get open(): boolean {
    return !this.#over && this.parts.client.connected;
  }

  get born(): boolean {
    return this.#born && this.open;
  }

  /**
   * Subscribes with QoS 1, one after the other. A subscription that the broker refuses is logged, and done without.
   * @throws where the connection ends meanwhile
   */
  async subscribe(topics: readonly string[]): Promise<void> {
    const { client, logger } = this.parts;
    for (const topic of topics) {
      try {
        await this.#whileOpen(() => client.subscribeAsync(topic, { qos: 1 }));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        logger.error(
          { topic },
          `Sparkplug: the broker refuses the subscription to ${topic} (${error.message}): what is written there is not heard. Do its access lists allow it?`,
        );
      }
    }
  }

  /** Sends NBIRTH, with which the sequence begins anew. */
  beginBirth(metrics: readonly Metric[]): void {
    this.#seq = 255;
    this.#publish(this.parts.topics.node('NBIRTH'), [bdSeqMetric(this.parts.bdSeq), ...metrics]);
    this.#born = true;
  }

  sendNode(kind: Exclude<NodeKind, 'NBIRTH' | 'NDEATH'>, metrics: readonly Metric[]): void {
    this.#publish(this.parts.topics.node(kind), metrics);
  }

  sendDevice(kind: DeviceKind, device: string, metrics: readonly Metric[]): void {
    this.#publish(this.parts.topics.device(kind, device), metrics);
  }

  /**
   * Resolves when the broker has everything that was sent before. Sparkplug data have QoS 0 and are not acknowledged; but a broker
   * works through a connection in order, so its answer to a later packet says that they arrived. That packet is an UNSUBSCRIBE
   * of a topic nobody subscribed to.
   * @throws where the connection ends meanwhile
   */
  async settled(): Promise<void> {
    await this.#whileOpen(() => this.parts.client.unsubscribeAsync(this.parts.topics.node('NDATA')));
  }

  /**
   * Ends the session in good order, unless it is over: NDEATH, then DISCONNECT, which in MQTT 5 asks for the will too (section 6.4.25). Before a
   * birth nothing is published (section 2.4): the broker sends the will.
   */
  async leave(): Promise<void> {
    // Whatever made it so ends it.
    if (this.#over) return this.ended;
    const { client, topics, death } = this.parts;
    const born = this.born;
    this.#over = true;
    const goodbye = async () => {
      if (born) await client.publishAsync(topics.node('NDEATH'), death, { qos: 1, retain: false });
      if (client.options.protocolVersion === 5) await client.endAsync(false, { reasonCode: WITH_WILL });
      else if (born) await client.endAsync();
    };
    await Promise.race([goodbye().catch(() => undefined), sleep(GOODBYE_MS, undefined, { ref: false })]);
    this.#finish();
  }

  #publish(topic: string, metrics: readonly Metric[]): void {
    if (!this.open) return;
    const { client, packetBytes, logger } = this.parts;
    const seq = wrapped(this.#seq);
    const encode = (of: readonly Metric[]) => Buffer.from(encodePayload({ timestamp: Date.now(), seq, metrics: of }));
    const fits = (payload: Buffer) => payload.length + topic.length + PACKET_OVERHEAD <= packetBytes;
    let payload = encode(metrics);
    if (!fits(payload)) {
      if (this.#tooLarge++ === 0)
        logger.warn(
          { topic },
          `Sparkplug: a message of ${payload.length} bytes is larger than the broker takes (${packetBytes}).`,
        );
      payload = encode(metrics.map((metric) => (metric.value?.case === 'bytesValue' ? withoutValue(metric) : metric)));
      if (!fits(payload)) return;
    }
    this.#seq = seq;
    client.publish(topic, payload, { qos: 0, retain: false }, () => undefined);
  }

  #finish(): void {
    this.#over = true;
    this.parts.client.end(true);
    for (const fail of this.#waiting) fail();
    this.#waiting.clear();
    this.#end();
  }

  /** Not a race with `ended`: a session of months would gather a reaction for every message. */
  #whileOpen<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error('The connection to the broker is gone.'));
      // Nothing comes between the last word and the goodbye.
      if (!this.open) return fail();
      this.#waiting.add(fail);
      work()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(fail));
    });
  }
}

/** Whether the broker has answered, and refuses: then its answer comes along. */
function isRefusal(error: unknown): error is Error {
  const { granted } = (error as Partial<ErrorWithSubackPacket>).packet ?? {};
  return granted?.some((code) => typeof code === 'number' && code >= FIRST_REFUSAL) ?? false;
}

/** A picture that is too large for the broker is left out: null. */
function withoutValue({ value: _, metadata: __, ...rest }: Metric): Metric {
  return { ...rest, isNull: true };
}
