import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; false if the signal came first. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

/** Waits until something is done, but no longer than `ms`: undefined then. */
export async function atMost<T>(ms: number, done: Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  const enough = pause(ms, late.signal).then(() => undefined);
  return await Promise.race([done, enough]).finally(() => late.abort());
}
