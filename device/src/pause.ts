import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; false if the signal came first. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
