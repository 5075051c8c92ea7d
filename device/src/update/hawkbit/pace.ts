import { sleepMs } from './ddi.js';
import { HawkbitError } from './server.js';

/** The interval that hawkBit asks for is kept within these. */
const SHORTEST_MS = 5000;
const LONGEST_MS = 24 * 3_600_000;
/** Where it asks for none; its own default. */
const USUAL_MS = 300_000;
/** After a failure it is asked again so soon, doubled each time, up to the longest. */
const RETRY_MS = 5000;
const LONGEST_RETRY_MS = 300_000;
/** No server makes a device wait longer. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** How long to wait until hawkBit is asked again, in milliseconds: never longer than it says, so that it does not miss the device. */
export function intervalMs(sleep: string | null | undefined, random = Math.random()): number {
  const askedMs = sleepMs(sleep) ?? USUAL_MS;
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, askedMs)) * (0.8 + random / 5);
}

/** The same after `failures` failures in a row and another one: fleets do not come back all at once. */
export function retryMs(failures: number, error: unknown, random = Math.random()): number {
  const ms = Math.min(RETRY_MS * 2 ** failures, LONGEST_RETRY_MS) * (0.75 + random / 2);
  const askedMs = error instanceof HawkbitError ? (error.answer.retryAfterMs ?? 0) : 0;
  return Math.max(ms, Math.min(askedMs, LONGEST_RETRY_AFTER_MS));
}
