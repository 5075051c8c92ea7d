import type { IClientPublishOptions } from 'mqtt';

/** What kind of message: pictures are given up before results. */
export type Importance = 'picture' | 'result';

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly importance: Importance;
  readonly options: IClientPublishOptions;
}

export interface OutboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/**
 * Messages that wait for the broker, first in, first out, bounded in number and bytes. When full, the oldest pictures are
 * dropped first and counted, the oldest results last.
 */
export class Outbox {
  readonly #messages = new Map<number, OutgoingMessage>();
  readonly #pictures = new Set<number>();
  #next = 0;
  #bytes = 0;
  #dropped = { picture: 0, result: 0 };

  constructor(private readonly limits: OutboxLimits) {}

  get size(): number {
    return this.#messages.size;
  }

  /** Share of the limits in use, 0..1. */
  get fill(): number {
    return Math.max(this.#messages.size / this.limits.maxMessages, this.#bytes / this.limits.maxBytes);
  }

  /** Messages given up since the start. */
  get dropped(): Readonly<Record<Importance, number>> {
    return { ...this.#dropped };
  }

  push(message: OutgoingMessage): void {
    const key = this.#next++;
    this.#messages.set(key, message);
    this.#bytes += message.payload.length;
    if (message.importance === 'picture') this.#pictures.add(key);
    while (this.#messages.size > this.limits.maxMessages || this.#bytes > this.limits.maxBytes) this.#giveUp();
  }

  /** The oldest message, taken out. */
  shift(): OutgoingMessage | undefined {
    const [first] = this.#messages;
    return first && this.#take(first[0]);
  }

  #giveUp(): void {
    const [picture] = this.#pictures;
    const [oldest] = this.#messages.keys();
    const message = this.#take((picture ?? oldest) as number);
    if (message) this.#dropped[message.importance]++;
  }

  #take(key: number): OutgoingMessage | undefined {
    const message = this.#messages.get(key);
    if (!message) return undefined;
    this.#messages.delete(key);
    this.#pictures.delete(key);
    this.#bytes -= message.payload.length;
    return message;
  }
}
