import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BeltsightError, type DeviceTopics, decodePiece, type FetchMessage, type Piece } from '@beltsight/sdk';
import type { Publisher } from '../../publish/publisher.js';
import { NotThere, type Transport } from './transport.js';

/** The part of a connection that fetching needs. */
export type Link = Pick<Publisher, 'subscribe' | 'say'>;

export interface MqttOptions {
  /** Bytes of one piece; brokers limit their packets. */
  readonly pieceBytes?: number;
  /** How long one piece may take before it is asked for again. */
  readonly timeoutMs?: number;
  /** How often a piece is asked for. */
  readonly attempts?: number;
}

/** Pieces on their way at once: one fills the line while the next is asked for. */
const WINDOW = 4;

/**
 * A repository behind the broker, for devices that reach nothing else: `beltsight release serve --mqtt` answers. Each piece is asked for by
 * path and offset, so that what is lost is simply asked for again.
 */
export class MqttTransport implements Transport {
  readonly name = 'the repository behind the broker';
  readonly #waiting = new Map<string, (piece: Piece) => void>();
  readonly #pieceBytes: number;
  readonly #timeoutMs: number;
  readonly #attempts: number;

  constructor(
    private readonly link: Link,
    private readonly topics: DeviceTopics,
    { pieceBytes = 128 * 1024, timeoutMs = 10_000, attempts = 6 }: MqttOptions = {},
  ) {
    this.#pieceBytes = pieceBytes;
    this.#timeoutMs = timeoutMs;
    this.#attempts = attempts;
    link.subscribe(topics.updatePiece, ({ payload }) => this.#hear(Buffer.from(payload)));
  }

  async *read(path: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const coming: Promise<Piece>[] = [];
    let next = offset;
    const ask = () => {
      const piece = this.#ask(path, next, signal);
      // Met in turn; after the first failure the others do not matter.
      piece.catch(() => undefined);
      coming.push(piece);
      next += this.#pieceBytes;
    };
    ask();
    for (let at = offset; ; ) {
      const piece = await (coming.shift() as Promise<Piece>);
      if (piece.status === 'absent') throw new NotThere(path);
      if (piece.bytes.length > 0) yield piece.bytes;
      at += piece.bytes.length;
      if (at >= piece.sizeBytes) return;
      if (at !== Math.min(next - coming.length * this.#pieceBytes, piece.sizeBytes)) {
        throw this.#unreachable(`${path} changed while it was read`);
      }
      while (coming.length < WINDOW && next < piece.sizeBytes) ask();
    }
  }

  async close(): Promise<void> {
    this.#waiting.clear();
  }

  async #ask(path: string, offset: number, signal: AbortSignal): Promise<Piece> {
    for (let attempt = 1; attempt <= this.#attempts; attempt++) {
      signal.throwIfAborted();
      const piece = await this.#once(path, offset, signal);
      if (piece && piece.status !== 'busy') return piece;
      if (piece) await sleep((this.#timeoutMs / 10) * Math.random(), undefined, { signal });
    }
    throw this.#unreachable(`${path} did not come: is beltsight release serve --mqtt running?`);
  }

  async #once(path: string, offset: number, signal: AbortSignal): Promise<Piece | undefined> {
    const id = randomUUID();
    const timer = new AbortController();
    const answer = new Promise<Piece>((resolve) => this.#waiting.set(id, resolve));
    const request: FetchMessage = { schema: 'beltsight.fetch/1', id, path, offset, length: this.#pieceBytes };
    try {
      this.link.say(this.topics.updateFetch, Buffer.from(JSON.stringify(request)), { qos: 1 });
      const late = sleep(this.#timeoutMs, undefined, { signal: AbortSignal.any([signal, timer.signal]) });
      return await Promise.race([answer, late]);
    } finally {
      timer.abort();
      this.#waiting.delete(id);
    }
  }

  #hear(payload: Buffer): void {
    try {
      const piece = decodePiece(payload);
      if (piece.bytes.length <= this.#pieceBytes) this.#waiting.get(piece.id)?.(piece);
    } catch {
      // Whoever may publish there can send anything; it is not for us.
    }
  }

  #unreachable(why: string): BeltsightError {
    return new BeltsightError('UPDATE_UNREACHABLE', `The repository cannot be read over MQTT: ${why}`);
  }
}
