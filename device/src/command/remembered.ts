import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ReplyMessage, replySchema } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeAtomically } from '../atomic.js';

/** A request that was begun, or done. */
const lineSchema = z.object({
  key: z.string().max(200),
  /** Of the command and its arguments. */
  digest: z.string(),
  reply: replySchema.optional(),
});
type Line = z.infer<typeof lineSchema>;

export interface RememberedRequest {
  readonly digest: string;
  /** Comes when the request is done. */
  readonly reply: Promise<ReplyMessage>;
}

interface Entry {
  readonly digest: string;
  readonly reply: Promise<ReplyMessage>;
  readonly settle: (reply: ReplyMessage) => void;
  done: ReplyMessage | undefined;
}

/**
 * The last requests with their replies, in memory and in a file, so that one which is delivered again, also after a restart, is not
 * carried out twice. Lines are appended; the file is rewritten when it holds twice as many as are remembered.
 */
export class RememberedRequests {
  readonly #entries = new Map<string, Entry>();
  /** In the file; infinite: it must be written anew. */
  #lines = Number.POSITIVE_INFINITY;
  #unwritten = { text: '', synced: false };
  #writing: Promise<void> = Promise.resolve();
  #failed = false;

  private constructor(
    private readonly file: string,
    private readonly capacity: number,
    private readonly logger: Pick<Logger, 'error'>,
  ) {}

  /**
   * Reads what an earlier run remembered. A file that cannot be read or a torn line costs memory of requests, not the start.
   * @param interrupted the reply to a request that was begun and whose end is not known
   */
  static async open(
    file: string,
    capacity: number,
    interrupted: (key: string) => ReplyMessage,
    logger: Pick<Logger, 'warn' | 'error'>,
  ): Promise<RememberedRequests> {
    const requests = new RememberedRequests(file, capacity, logger);
    for (const { key, digest, reply } of await linesOf(file, logger)) {
      requests.#remember(key, digest);
      if (reply) requests.#settle(key, reply);
    }
    for (const [key, { done }] of requests.#entries) if (!done) requests.#settle(key, interrupted(key));
    // Written anew at the start: a torn last line goes, and an interrupted request has its reply.
    await requests.#write();
    return requests;
  }

  find(key: string): RememberedRequest | undefined {
    return this.#entries.get(key);
  }

  /** Resolves when the request is noted: in memory at once; `synced`: on the disk. */
  async begin(key: string, digest: string, synced: boolean): Promise<void> {
    this.#remember(key, digest);
    const written = this.#append({ key, digest }, synced);
    if (synced) await written;
  }

  end(key: string, reply: ReplyMessage): void {
    const entry = this.#entries.get(key);
    this.#settle(key, reply);
    if (entry) void this.#append({ key, digest: entry.digest, reply }, false);
  }

  /** Resolves when all is written. */
  close(): Promise<void> {
    return this.#writing;
  }

  #remember(key: string, digest: string): void {
    let settle = (_: ReplyMessage) => {};
    const reply = new Promise<ReplyMessage>((resolve) => {
      settle = resolve;
    });
    this.#entries.delete(key);
    this.#entries.set(key, { digest, reply, settle, done: undefined });
    for (const [oldest, { done }] of this.#entries) {
      if (this.#entries.size <= this.capacity) break;
      // One in work is never forgotten; there are few of them.
      if (done) this.#entries.delete(oldest);
    }
  }

  #settle(key: string, reply: ReplyMessage): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.settle(reply);
    entry.done = reply;
  }

  #append(line: Line, synced: boolean): Promise<void> {
    this.#unwritten.text += `${JSON.stringify(line)}\n`;
    this.#unwritten.synced ||= synced;
    this.#lines++;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { text, synced } = this.#unwritten;
    this.#unwritten = { text: '', synced: false };
    try {
      if (this.#lines > 2 * this.capacity) await this.#rewrite();
      else if (text !== '') await append(this.file, text, synced);
      this.#failed = false;
    } catch (error) {
      this.#lines = Number.POSITIVE_INFINITY;
      if (this.#failed) return;
      this.#failed = true;
      const message = `${this.file} cannot be written: ${(error as Error).message}. Until it can, a request that is delivered again after a restart is carried out twice.`;
      this.logger.error({ err: error }, message);
    }
  }

  async #rewrite(): Promise<void> {
    const lines = [...this.#entries].map(([key, { digest, done }]) => JSON.stringify({ key, digest, reply: done }));
    this.#lines = lines.length;
    await writeAtomically(this.file, lines.map((line) => `${line}\n`).join(''));
  }
}

async function append(file: string, text: string, synced: boolean): Promise<void> {
  const handle = await open(file, 'a', 0o640);
  try {
    await handle.writeFile(text);
    if (synced) await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function linesOf(file: string, logger: Pick<Logger, 'warn'>): Promise<Line[]> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o750 });
    const text = await readFile(file, 'utf8');
    return text.split('\n').flatMap((line) => {
      try {
        return [lineSchema.parse(JSON.parse(line))];
      } catch {
        return [];
      }
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') {
      logger.warn(
        { err: error },
        `${file} cannot be read: ${(error as Error).message}. Earlier requests are forgotten.`,
      );
    }
    return [];
  }
}
