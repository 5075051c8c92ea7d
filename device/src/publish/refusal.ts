import type { Logger } from 'pino';

/** What to do about a PUBACK that refuses a message. */
export type Remedy = 'drop' | 'retry';

/**
 * Reasons of a PUBACK (MQTT 5, section 3.4.2.1) that no later attempt changes: not authorised, topic name invalid, payload format
 * invalid. Others (unspecified, implementation specific, packet identifier in use, quota exceeded) may pass.
 */
const FINAL: ReadonlySet<number> = new Set([0x87, 0x90, 0x99]);

/** From here on a reason is a refusal. */
const REFUSAL = 0x80;

/** Attempts for one message, at most: what is refused so often blocks those behind it. */
const ATTEMPTS = 8;
const WAIT_MS = { first: 500, longest: 30_000 };

/** @param attempts how often the message was refused before */
const remedyOf = (reason: number, attempts: number): Remedy =>
  FINAL.has(reason) || attempts + 1 >= ATTEMPTS ? 'drop' : 'retry';

/** How long to publish nothing after a refusal, in milliseconds. */
export const pauseAfter = (attempts: number): number => Math.min(WAIT_MS.first * 2 ** attempts, WAIT_MS.longest);

/** The reason of a refusal; undefined for other errors, such as a connection that ended. */
export function refusalOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' && code >= REFUSAL ? code : undefined;
}

/** Logs what the broker refuses, and counts what is lost by that. */
export class Refusals {
  #count = 0;

  constructor(private readonly logger: Pick<Logger, 'warn' | 'error'>) {}

  /** Messages dropped since the start. */
  get count(): number {
    return this.#count;
  }

  /** @param attempts how often the message was refused before */
  note(topic: string, reason: number, error: Error, attempts: number): Remedy {
    const remedy = remedyOf(reason, attempts);
    if (remedy === 'retry') {
      if (attempts === 0)
        this.logger.warn({ topic, reason }, `The broker does not take a message now: ${error.message}`);
      return remedy;
    }
    // Every one is counted; the log shows the 1st, 10th, 100th.
    if (/^10*$/.test(String(++this.#count))) {
      this.logger.error(
        { topic, reason, refused: this.#count },
        `The broker refuses a message on ${topic}: ${error.message}. It is dropped. May the device publish there?`,
      );
    }
    return remedy;
  }
}
