import { BeltsightError } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { sendPicture } from '../collect/upload.js';
import { Condition } from '../condition.js';
import { firstLineOf } from '../secret-file.js';
import type { KeptFrames } from './frames.js';
import { aboutOf, imageOf, type KeptFrame } from './record.js';
import type { FeedbackConfig } from './schema.js';

export interface SenderParts {
  readonly frames: Pick<KeptFrames, 'waiting' | 'read' | 'sent'>;
  readonly inbox: NonNullable<FeedbackConfig['inbox']>;
  /** Goes with each image. */
  readonly about: object;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** After a failure the next try comes so much later, doubled up to the longest. */
  readonly waitMs?: { readonly first: number; readonly longest: number };
}

const WAIT_MS = { first: 30_000, longest: 3_600_000 };

/** Brings marked frames to the trainer's inbox; those that it has are taken away here. What it does not take keeps no other waiting. */
export class InboxSender {
  readonly #marked = new Condition();
  /** Somebody has marked a frame since the last round began. */
  #asked = true;
  #fault: string | undefined;

  constructor(private readonly parts: SenderParts) {}

  /** Why not all is sent. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** There may be something to send. */
  wake(): void {
    this.#asked = true;
    this.#marked.changed();
  }

  /** Sends until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { first, longest } = this.parts.waitMs ?? WAIT_MS;
    let waitMs = first;
    while (!signal.aborted) {
      this.#asked = false;
      try {
        await this.#sendAll(signal);
        if (this.#fault !== undefined) this.parts.logger.info('The inbox has all frames that were marked.');
        this.#fault = undefined;
        waitMs = first;
        await this.#marked.until(() => this.#asked, signal);
      } catch (error) {
        if (signal.aborted) return;
        const { message } = error as Error;
        if (message !== this.#fault) this.parts.logger.warn({ err: error }, `${message} It is tried again.`);
        this.#fault = message;
        await this.#marked.until(() => this.#asked, AbortSignal.any([signal, AbortSignal.timeout(waitMs)]));
        waitMs = Math.min(longest, waitMs * 2);
      }
    }
  }

  async #sendAll(signal: AbortSignal): Promise<void> {
    let refusal: unknown;
    for (const record of this.parts.frames.waiting) {
      if (signal.aborted) return;
      try {
        await this.#send(record, signal);
      } catch (error) {
        if (!(error instanceof BeltsightError) || error.code !== 'INBOX_REFUSED') throw error;
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal;
  }

  async #send(record: KeptFrame, signal: AbortSignal): Promise<void> {
    const { frames, inbox, about, logger } = this.parts;
    const body = await frames.read(record);
    if (!body) return;
    const token = await firstLineOf(inbox.tokenFile, 'feedback.inbox.tokenFile');
    const place = { className: record.mark?.class as string, file: imageOf(record) };
    const line = aboutOf(record, about) ?? {};
    const isNew = await sendPicture({ url: inbox.url, token }, place, new Uint8Array(body), line, signal);
    await frames.sent(record);
    logger.info({ ...place, isNew }, 'A frame that was marked as a false alarm is in the inbox.');
  }
}
