import type { IClientPublishOptions } from 'mqtt';
import type { Logger } from 'pino';
import { Backlog, type BacklogFigures } from '../spool/backlog.js';
import type { Importance } from '../spool/record.js';
import type { SpoolConfig } from '../spool/schema.js';

/** What can be said of a message that waits on disk: no functions, no bytes. */
type MessageOptions = Pick<IClientPublishOptions, 'qos' | 'retain'> & {
  readonly properties?: Pick<
    NonNullable<IClientPublishOptions['properties']>,
    'contentType' | 'payloadFormatIndicator' | 'messageExpiryInterval' | 'userProperties'
  >;
};

/** Properties of a message that is JSON. */
export const JSON_TEXT = { contentType: 'application/json', payloadFormatIndicator: true } as const;

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** Pictures are given up before results. */
  readonly importance: Importance;
  readonly options: MessageOptions;
}

export interface OutboxOptions extends SpoolConfig {
  /** Folder of the spool. */
  readonly folder: string;
  readonly logger: Logger;
}

/** Messages that wait for the broker, first in, first out, in a bounded spool on disk. */
export class Outbox {
  private constructor(
    private readonly backlog: Backlog,
    private readonly comfortableBytes: number,
  ) {}

  /** @throws BeltsightError SPOOL_IN_USE if another process has the folder */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const { folder, logger, maxMegabytes, maxDays, memoryMegabytes, sync } = options;
    const maxBytes = maxMegabytes * 2 ** 20;
    const memoryBytes = memoryMegabytes * 2 ** 20;
    const backlog = await Backlog.open({
      folder,
      limits: { maxBytes, memoryBytes, maxAgeMs: maxDays * 86_400_000 },
      sync: sync === 'always' ? sync : sync * 1000,
      logger,
    });
    return new Outbox(backlog, Math.min(maxBytes, memoryBytes) / 4);
  }

  get size(): number {
    return this.backlog.count;
  }

  get figures(): BacklogFigures {
    return this.backlog.figures;
  }

  /** Whether so little waits that who can wait need not. */
  get roomy(): boolean {
    return this.backlog.bytes <= this.comfortableBytes;
  }

  push(message: OutgoingMessage): void {
    this.backlog.push(encodeMessage(message), message.importance);
  }

  /** The oldest message's key from `from` on. */
  next(from: number): number | undefined {
    return this.backlog.next(from);
  }

  /** A waiting message, with what is left of its expiry; undefined where it is not in memory: `load` it. */
  get(key: number): OutgoingMessage | undefined {
    const record = this.backlog.get(key);
    if (!record) return undefined;
    return { ...decodeMessage(record.body), importance: record.importance };
  }

  /** Seconds that a message has left by its own expiry; zero or less: nobody wants it any more. */
  secondsLeft(key: number, { options }: OutgoingMessage): number | undefined {
    const expiry = options.properties?.messageExpiryInterval;
    return expiry === undefined ? undefined : expiry - Math.floor(this.backlog.ageOf(key) / 1000);
  }

  /** Reads messages from a key on into memory. */
  load(key: number): Promise<void> {
    return this.backlog.load(key);
  }

  /** Takes out a message: the broker has it, or it is given up. */
  remove(key: number): void {
    this.backlog.remove(key);
  }

  /** Takes out a message that nobody wants any more. */
  expire(key: number): void {
    this.backlog.expire(key);
  }

  /** Resolves when all results that wait are on disk, or the disk refuses. */
  settled(): Promise<void> {
    return this.backlog.settled();
  }

  close(): Promise<void> {
    return this.backlog.close();
  }
}

/** Two bytes say how long the JSON of topic and options is; the payload follows. */
function encodeMessage({ topic, payload, options: { qos, retain, properties } }: OutgoingMessage): Buffer {
  const head = Buffer.from(JSON.stringify({ topic, options: { qos, retain, properties } }));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(head.length);
  return Buffer.concat([length, head, payload]);
}

function decodeMessage(body: Uint8Array): Pick<OutgoingMessage, 'topic' | 'payload' | 'options'> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const end = 2 + bytes.readUInt16BE();
  const { topic, options } = JSON.parse(bytes.toString('utf8', 2, end)) as Pick<OutgoingMessage, 'topic' | 'options'>;
  return { topic, options, payload: bytes.subarray(end) };
}
