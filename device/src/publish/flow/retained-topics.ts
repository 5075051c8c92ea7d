import type { IClientPublishOptions } from 'mqtt';
import { pauseAfter, type Refusals, refusalOf } from '../refusal.js';

type Properties = NonNullable<IClientPublishOptions['properties']>;

interface Retained {
  readonly payload: Buffer;
  readonly properties: Properties | undefined;
}

/** A message to be published now. */
export interface Due {
  readonly topic: string;
  readonly payload: Buffer;
  readonly options: IClientPublishOptions;
  /** Hears that the broker has it, or why not. */
  readonly landed: (error?: Error | null) => void;
}

/**
 * What the device's retained topics shall hold: the newest message of each, said at every connection, for a broker may have lost
 * what it held. One is in flight for each topic at most; what changes meanwhile, or while the connection is away, is said after it
 * in its newest state.
 */
export class RetainedTopics {
  readonly #newest = new Map<string, Retained>();
  /** Topics to be said, in the order in which they became so. */
  readonly #due = new Set<string>();
  readonly #flying = new Set<string>();
  /** Times that the broker has refused the newest message. */
  readonly #attempts = new Map<string, number>();

  /** @param changed hears that a message that was refused is due again */
  constructor(
    private readonly refusals: Refusals,
    private readonly changed: () => void,
  ) {}

  set(topic: string, payload: Buffer, properties?: Properties): void {
    this.#newest.set(topic, { payload, properties });
    this.#attempts.delete(topic);
    this.#due.add(topic);
  }

  /** A new connection: all are to be said. The client has sent again what was in flight, and has its acknowledgements. */
  again(): void {
    this.#flying.clear();
    for (const topic of this.#newest.keys()) this.#due.add(topic);
  }

  /** The next to be published, which then is in flight. */
  next(): Due | undefined {
    for (const topic of this.#due) {
      const retained = this.#newest.get(topic);
      if (!retained || this.#flying.has(topic)) continue;
      this.#due.delete(topic);
      this.#flying.add(topic);
      const { payload, properties } = retained;
      const options = { qos: 1, retain: true, ...(properties === undefined ? {} : { properties }) } as const;
      return { topic, payload, options, landed: (error) => this.#landed(topic, error) };
    }
    return undefined;
  }

  /** Whether the broker has them all. */
  get idle(): boolean {
    return this.#due.size === 0 && this.#flying.size === 0;
  }

  #landed(topic: string, error: Error | null | undefined): void {
    this.#flying.delete(topic);
    const reason = error ? refusalOf(error) : undefined;
    // A connection that ended: all are said at the next one.
    if (!error || reason === undefined) return;
    const attempts = this.#attempts.get(topic) ?? 0;
    if (this.refusals.note(topic, reason, error, attempts) === 'drop') return;
    this.#attempts.set(topic, attempts + 1);
    setTimeout(() => {
      this.#due.add(topic);
      this.changed();
    }, pauseAfter(attempts)).unref();
  }
}
