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
export const remedyOf = (reason: number, attempts: number): Remedy =>
  FINAL.has(reason) || attempts + 1 >= ATTEMPTS ? 'drop' : 'retry';

/** How long to publish nothing after a refusal, in milliseconds. */
export const pauseAfter = (attempts: number): number => Math.min(WAIT_MS.first * 2 ** attempts, WAIT_MS.longest);

/** The reason of a refusal; undefined for other errors, such as a connection that ended. */
export function refusalOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' && code >= REFUSAL ? code : undefined;
}
