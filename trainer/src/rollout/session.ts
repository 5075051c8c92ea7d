import { randomUUID } from 'node:crypto';
import { BeltsightError, connectMqtt } from '@beltsight/sdk';
import type { IClientOptions, MqttClient } from 'mqtt';

/** A broker that has not answered by then is asked again, or given up. */
const ANSWER_MS = 10_000;
/** Brokers drop retained messages that a client cannot take fast enough (mosquitto: the 1000 that wait): so many topics are asked for at once. */
const BATCH = 300;
/** Messages on their way at once. */
const WINDOW = 100;

export interface Heard {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Hears a message. It returns at once, and does not throw. */
type Listener = (topic: string, payload: Uint8Array) => void;

/**
 * A connection to the broker that has all retained messages of its topics, also after the connection was lost. What was on its way then is not sent
 * again: others may have decided otherwise meanwhile, and the last message that is retained holds.
 */
export class Session {
  readonly #topics = new Set<string>();
  readonly #echoes = new Map<string, () => void>();
  #listener: Listener = () => undefined;
  #connection: () => void = () => undefined;
  #sample: Heard[] | undefined;
  #lost = false;

  private constructor(
    private readonly client: MqttClient,
    private readonly echo: string,
  ) {
    client.on('message', (topic, payload) => {
      if (topic === echo) this.#echoes.get(payload.toString('latin1'))?.();
      else this.#hear(topic, payload);
    });
    client.on('close', () => {
      this.#lost = true;
      this.#connection();
    });
    client.on('connect', () => this.#connection());
  }

  /**
   * @param echo a topic where it may publish and listen
   * @throws BeltsightError BROKER_UNREACHABLE
   */
  static async open(url: string, echo: string, mqtt: IClientOptions = {}): Promise<Session> {
    // It subscribes anew by itself, in batches.
    const client = await connectMqtt(url, { ...mqtt, resubscribe: false }, { resend: false });
    const session = new Session(client, echo);
    try {
      await session.#answered('the subscription', () => client.subscribeAsync(echo, { qos: 1 }));
    } catch (error) {
      client.end(true);
      throw error;
    }
    return session;
  }

  /** The broker was away since the last {@link renew}: what was heard may be old. */
  get lost(): boolean {
    return this.#lost;
  }

  onMessage(listener: Listener): void {
    this.#listener = listener;
  }

  /** Hears that the connection is gone, or back. */
  onConnection(listener: () => void): void {
    this.#connection = listener;
  }

  /**
   * Subscribes, also to what it has subscribed to before, so that retained messages come again, and waits until they are there.
   * @throws BeltsightError BROKER_UNREACHABLE
   */
  async listen(topics: Iterable<string>): Promise<void> {
    for (const topic of topics) this.#topics.add(topic);
    await this.#subscribe([...topics]);
  }

  /**
   * Hears everything anew.
   * @throws BeltsightError BROKER_UNREACHABLE
   */
  async renew(): Promise<void> {
    // Whatever happens from now on counts.
    this.#lost = !this.client.connected;
    try {
      await this.#subscribe([this.echo, ...this.#topics]);
    } catch (error) {
      this.#lost = true;
      throw error;
    }
  }

  /**
   * What comes within the time that the retained messages of a filter take; other topics are among it.
   * @throws BeltsightError BROKER_UNREACHABLE
   */
  async sample(filter: string): Promise<readonly Heard[]> {
    const heard: Heard[] = [];
    this.#sample = heard;
    try {
      // More than a broker keeps waiting at QoS 1 may come.
      await this.#answered('the subscription', () => this.client.subscribeAsync(filter, { qos: 0 }));
      await this.barrier();
      await this.#answered('the end of a subscription', () => this.client.unsubscribeAsync(filter));
    } finally {
      this.#sample = undefined;
    }
    return heard;
  }

  /**
   * Publishes retained JSON, and waits until the broker has all of it.
   * @throws BeltsightError BROKER_UNREACHABLE if it does not take it
   */
  async retain(messages: readonly (readonly [topic: string, message: unknown])[]): Promise<void> {
    for (let i = 0; i < messages.length; i += WINDOW) {
      const send = ([topic, message]: (typeof messages)[number]) =>
        this.client.publishAsync(topic, JSON.stringify(message), { qos: 1, retain: true }).catch((cause: Error) => {
          throw new Error(`${topic}: ${cause.message}`, { cause });
        });
      await this.#answered('a message', () => Promise.all(messages.slice(i, i + WINDOW).map(send)));
    }
    await this.barrier();
  }

  /**
   * Waits until everything is here that the broker had for this session before.
   * @throws BeltsightError BROKER_UNREACHABLE
   */
  async barrier(): Promise<void> {
    const id = randomUUID();
    try {
      const heard = new Promise<void>((resolve) => this.#echoes.set(id, resolve));
      await this.#answered('a message', () =>
        Promise.all([this.client.publishAsync(this.echo, id, { qos: 1 }), heard]),
      );
    } finally {
      this.#echoes.delete(id);
    }
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #hear(topic: string, payload: Uint8Array): void {
    this.#sample?.push({ topic, payload });
    this.#listener(topic, payload);
  }

  async #subscribe(topics: readonly string[]): Promise<void> {
    for (let i = 0; i < topics.length; i += BATCH) {
      const batch = topics.slice(i, i + BATCH);
      await this.#answered('the subscription', () => this.client.subscribeAsync(batch, { qos: 1 }));
      await this.barrier();
    }
  }

  /** Asks the broker for something. The connection that ends takes the answer along. */
  async #answered<T>(what: string, ask: () => Promise<T>): Promise<T> {
    const { client } = this;
    let end = () => undefined as unknown;
    const ended = new Promise<never>((_, reject) => {
      const close = () => reject(new Error('the connection was lost'));
      const timer = setTimeout(() => {
        this.#lost = true;
        reject(new Error(`no answer within ${ANSWER_MS / 1000} s`));
      }, ANSWER_MS);
      client.once('close', close);
      end = () => {
        clearTimeout(timer);
        client.off('close', close);
      };
    });
    try {
      if (!client.connected) throw new Error('there is no connection');
      const answer = ask();
      // It may still fail when nobody waits for it any more.
      answer.catch(() => undefined);
      return await Promise.race([answer, ended]);
    } catch (cause) {
      throw unreachable(what, cause);
    } finally {
      end();
    }
  }
}

function unreachable(what: string, cause: unknown): BeltsightError {
  const message = `The broker does not take ${what} (${(cause as Error).message}): check that it is there, and the rights of the user.`;
  return new BeltsightError('BROKER_UNREACHABLE', message, { cause });
}
