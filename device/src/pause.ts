import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; false if the signal came first. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

/** Waits until something is done, but no longer than `ms`. */
export async function atMost(ms: number, done: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([done, pause(ms, late.signal)]).finally(() => late.abort());
}
