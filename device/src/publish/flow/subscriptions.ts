import type { IPublishPacket, MqttClient } from 'mqtt';
import type { Logger } from 'pino';

/** Hears the messages of a subscription. It must not throw, and returns at once. */
export type Listener = (message: IPublishPacket) => void;

export interface SubscribeOptions {
  /** 0: what comes while the connection is away is gone. */
  readonly qos?: 0 | 1;
  /** Hears each time that the broker has taken the subscription. */
  readonly granted?: () => void;
}

type Subscription = Required<SubscribeOptions> & { readonly listener: Listener };

/** Who listens to which topic. */
export class Subscriptions {
  readonly #topics = new Map<string, Subscription[]>();

  constructor(private readonly logger: Pick<Logger, 'error'>) {}

  add(topic: string, subscription: Subscription): void {
    this.#topics.set(topic, [...this.#of(topic), subscription]);
  }

  hear(topic: string, packet: IPublishPacket): void {
    for (const { listener } of this.#of(topic)) listener(packet);
  }

  /**
   * Asks the broker for topics, each by itself: it may refuse one and grant the others, and the client tells of a joint request only
   * that something was refused.
   */
  ask(client: MqttClient, topics: Iterable<string> = this.#topics.keys()): void {
    for (const topic of topics) {
      const qos = this.#of(topic).some((subscription) => subscription.qos === 1) ? 1 : 0;
      client.subscribe(topic, { qos }, (error) => {
        if (!error) for (const { granted } of this.#of(topic)) granted();
        else if (client.connected)
          this.logger.error({ err: error, topic }, `The broker refuses a subscription: ${topic} (${error.message}).`);
      });
    }
  }

  #of(topic: string): readonly Subscription[] {
    return this.#topics.get(topic) ?? [];
  }
}
