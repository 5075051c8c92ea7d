import type { IClientPublishOptions, MqttClient } from 'mqtt';
import type { Refusals } from '../refusal.js';
import type { InFlight } from './in-flight.js';
import { RetainedTopics } from './retained-topics.js';

/** Messages that wait for a broker which takes no more now, at most. */
const UNSAID = 100;

export interface VoiceParts {
  /** The client, while what it is given goes out at once. */
  readonly line: () => MqttClient | undefined;
  readonly inFlight: Pick<InFlight, 'free'>;
  readonly refusals: Refusals;
  /** Hears that the broker has a message, or refuses it: there may be room for others. */
  readonly landed: () => void;
}

/** What is published past the outbox, ahead of what waits there. */
export class Voice {
  readonly #retained: RetainedTopics;
  #unsaid: { readonly topic: string; readonly payload: Buffer; readonly options: IClientPublishOptions }[] = [];
  /** Packet ids of messages in flight that are not to be sent again. */
  readonly #fleeting = new Set<number>();

  constructor(private readonly parts: VoiceParts) {
    this.#retained = new RetainedTopics(parts.refusals, () => this.pump());
  }

  /** Publishes while there is a connection; with QoS 1 it waits for its turn, and of too many the oldest is gone. */
  say(topic: string, payload: Buffer, options: IClientPublishOptions): void {
    const line = this.parts.line();
    if (!line) return;
    if (!options.qos) {
      line.publish(topic, payload, options, () => undefined);
      return;
    }
    this.#unsaid.push({ topic, payload, options });
    if (this.#unsaid.length > UNSAID) this.#unsaid.shift();
    this.pump();
  }

  /** Publishes at once or never, and not again over another connection. False if it did not. */
  sayNow(topic: string, payload: Buffer, options: IClientPublishOptions): boolean {
    const line = this.parts.line();
    if (!line || (options.qos && !this.parts.inFlight.free)) return false;
    let id = 0;
    line.publish(topic, payload, options, () => {
      this.#fleeting.delete(id);
      this.parts.landed();
    });
    if (options.qos) {
      id = line.getLastMessageId();
      this.#fleeting.add(id);
    }
    return true;
  }

  retain(topic: string, payload: Buffer, properties: IClientPublishOptions['properties']): void {
    this.#retained.set(topic, payload, properties);
    this.pump();
  }

  /** Whether the broker has all that is to be retained. */
  get idle(): boolean {
    return this.#retained.idle;
  }

  /** There is a connection. */
  begin(): void {
    this.#retained.again();
    this.pump();
  }

  /** The connection is gone, and with it what was only to be said over it. */
  end(client: MqttClient): void {
    this.#unsaid = [];
    for (const id of this.#fleeting) client.removeOutgoingMessage(id);
    this.#fleeting.clear();
  }

  /** Publishes what there is room for. */
  pump(): void {
    for (let line = this.parts.line(); line && this.parts.inFlight.free; line = this.parts.line()) {
      const said = this.#unsaid.shift();
      const due = said ? undefined : this.#retained.next();
      const next = said ?? due;
      if (!next) return;
      line.publish(next.topic, next.payload, next.options, (error) => {
        due?.landed(error);
        this.pump();
        this.parts.landed();
      });
    }
  }
}
