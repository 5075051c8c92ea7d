import type { MqttClient } from 'mqtt';

/** Messages in flight at once, at most, also where the broker would take more. */
const MOST = 22;
/** So many of them are not for what waits in the outbox: replies, status and signals need not queue behind a long backlog. */
const RESERVED = 2;

/**
 * Messages with QoS 1 that were sent over this connection and are not acknowledged, whoever sent them: results, status, replies,
 * and what the client sends again after an outage. The broker's receive maximum is for all of them together (MQTT 5, section 4.9),
 * and the MQTT client does not keep to it. QoS 2 is not used.
 */
export class InFlight {
  /** Packet ids, the oldest first. */
  readonly #ids = new Set<number>();
  /** Since when the oldest is the one to be acknowledged next. */
  #since = 0;
  #most = MOST;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Watches what goes over the wire. */
  follow(client: Pick<MqttClient, 'on'>): void {
    client.on('packetsend', (packet) => {
      if (packet.cmd !== 'publish' || packet.qos !== 1) return;
      if (this.#ids.size === 0) this.#since = this.now();
      this.#ids.add(packet.messageId as number);
    });
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'puback') return;
      const [oldest] = this.#ids;
      const id = packet.messageId as number;
      this.#ids.delete(id);
      if (id === oldest) this.#since = this.now();
    });
    client.on('close', () => this.#ids.clear());
  }

  /** What the broker says at each connection. */
  limit(receiveMaximum = MOST): void {
    this.#most = Math.min(MOST, receiveMaximum);
  }

  get count(): number {
    return this.#ids.size;
  }

  /** Whether the broker takes another message now. */
  get free(): boolean {
    return this.#ids.size < this.#most;
  }

  /** Whether it may be one from the outbox. A broker that takes one at a time gets it, too. */
  get freeForBacklog(): boolean {
    return this.#ids.size < Math.max(1, this.#most - RESERVED);
  }

  /**
   * For how long the oldest has been the next to be acknowledged, in milliseconds: brokers acknowledge in order (MQTT 5, section
   * 4.6). On a slow path, where a full window takes minutes, each has its own time.
   */
  get waitedMs(): number {
    return this.#ids.size === 0 ? 0 : this.now() - this.#since;
  }
}
