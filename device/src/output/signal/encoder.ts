import { closeSync, openSync, readSync } from 'node:fs';
import type { IPublishPacket } from 'mqtt';
import type { Logger } from 'pino';
import type { EncoderConfig } from '../schema.js';
import { EncoderTrack } from './encoder-track.js';

export interface EncoderParts {
  readonly config: EncoderConfig;
  readonly distance: number;
  readonly maxLateMs: number;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  readonly subscribe: (topic: string, listener: (message: IPublishPacket) => void, options: { qos: 0 }) => void;
  /** The belt has moved. */
  readonly moved: () => void;
  /** The counter began anew: targets from before mean nothing. */
  readonly anew: () => void;
}

/** A file that cannot be read is tried again after this. */
const RETRY_MS = 1000;

/** Reads an encoder until it is closed; what cannot be read is told of once, until it can be read again. */
export class Encoder {
  readonly track: EncoderTrack;
  readonly #stop: () => void;
  #faulty = false;

  constructor(private readonly parts: EncoderParts) {
    const { config, distance, maxLateMs } = parts;
    this.track = new EncoderTrack({ ...config, resetCounts: distance, toleranceMs: maxLateMs });
    this.#stop = 'topic' in config ? this.#listen(config.topic) : this.#poll(config.path, config.pollMs);
  }

  close(): void {
    this.#stop();
  }

  #listen(topic: string): () => void {
    let open = true;
    let latest = 0;
    let turn: NodeJS.Immediate | undefined;
    const listener = ({ payload, retain }: IPublishPacket) => {
      // A count that the broker kept is out of date: it comes with a new subscription. QoS 0 keeps out those it queued.
      if (!open || retain) return;
      const count = countOf(payload);
      if (count === undefined) {
        this.#fault(`The encoder's topic ${topic} holds no count: send a number as text.`);
        return;
      }
      // Of counts that come in one go all but the last have waited somewhere, and tell of another time.
      latest = count;
      turn ??= setImmediate(() => {
        turn = undefined;
        this.#read(latest);
      });
    };
    this.parts.subscribe(topic, listener, { qos: 0 });
    return () => {
      open = false;
      clearImmediate(turn);
    };
  }

  #poll(path: string, pollMs: number): () => void {
    const buffer = Buffer.alloc(32);
    let fd: number | undefined;
    let retryAt = 0;
    const timer = setInterval(() => {
      if (performance.now() < retryAt) return;
      try {
        fd ??= openSync(path, 'r');
        const count = countOf(buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0)));
        if (count === undefined) throw new Error('it holds no count');
        this.#read(count);
      } catch (error) {
        this.#fault(`The encoder ${path} cannot be read: ${(error as Error).message}. Is its driver loaded?`);
        if (fd !== undefined) closeSync(fd);
        fd = undefined;
        retryAt = performance.now() + RETRY_MS;
      }
    }, pollMs);
    return () => {
      clearInterval(timer);
      if (fd !== undefined) closeSync(fd);
    };
  }

  #read(count: number): void {
    this.#faulty = false;
    if (this.track.read(count) === 'anew') {
      this.parts.logger.error('The encoder began anew: signals on their way to the ejector cannot be placed any more.');
      this.parts.anew();
    }
    this.parts.moved();
  }

  #fault(message: string): void {
    if (!this.#faulty) this.parts.logger.error(message);
    this.#faulty = true;
  }
}

/** A payload or file that is one decimal number and nothing else; undefined for anything else. */
export function countOf(payload: string | Uint8Array): number | undefined {
  if (payload.length > 32) return undefined;
  const text = (typeof payload === 'string' ? payload : Buffer.from(payload).toString('latin1')).trim();
  if (!/^-?\d{1,15}(\.\d{1,9})?$/.test(text)) return undefined;
  return Number(text);
}
