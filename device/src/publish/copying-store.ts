import { Readable } from 'node:stream';
import type { IPublishPacket, IStore } from 'mqtt';

type Stored = Parameters<IStore['put']>[0];
type Numbered = Parameters<IStore['get']>[0];

/**
 * Messages in flight, in order, for the MQTT client. What it sends again after a reconnection are copies: it writes topic aliases
 * into what it sends, and in the stored message these would outlive the connection that knows them. A copy expires when the message
 * would have: the time that it waited here counts.
 */
export class CopyingStore implements IStore {
  readonly #packets = new Map<number, { readonly packet: Stored; readonly atMs: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  put(packet: Stored, done: Parameters<IStore['put']>[1]): this {
    this.#packets.set(idOf(packet), { packet, atMs: this.now() });
    done?.();
    return this;
  }

  createStream(): ReturnType<IStore['createStream']> {
    const copies = [...this.#packets.values()].map(({ packet, atMs }) => copyOf(packet, this.now() - atMs));
    return Readable.from(copies) as unknown as ReturnType<IStore['createStream']>;
  }

  del(packet: Numbered, done: Parameters<IStore['del']>[1]): this {
    const stored = this.#packets.get(idOf(packet))?.packet;
    this.#packets.delete(idOf(packet));
    answer(stored, done);
    return this;
  }

  get(packet: Numbered, done: Parameters<IStore['get']>[1]): this {
    answer(this.#packets.get(idOf(packet))?.packet, done);
    return this;
  }

  close(done: Parameters<IStore['close']>[0]): void {
    this.#packets.clear();
    done?.();
  }
}

/** It is sent in any case, with a second left at least: until it is acknowledged, whoever published it waits. */
function copyOf(packet: Stored, waitedMs: number): Stored {
  if (packet.cmd !== 'publish' || packet.properties?.messageExpiryInterval === undefined) return { ...packet };
  const expiry = packet.properties.messageExpiryInterval;
  const messageExpiryInterval = Math.max(1, expiry - Math.floor(waitedMs / 1000));
  return { ...packet, properties: { ...packet.properties, messageExpiryInterval } };
}

function answer(stored: Stored | undefined, done: Parameters<IStore['get']>[1]): void {
  if (stored) done(undefined, stored);
  else done(new Error('no such message is in flight'));
}

function idOf({ messageId }: Pick<IPublishPacket, 'messageId'>): number {
  return messageId as number;
}
