import { statusSchema } from '@beltsight/sdk';
import type { Publisher } from './publisher.js';

/** The status is put right no more often than this: two devices with one address must not shout each other down. */
const APART_MS = 1000;

/**
 * Watches the device's own status at the broker, and has it published again when it says offline there: the late will of an
 * earlier connection has overtaken it, as can happen where the broker knows no will delay (MQTT 3.1.1), the client id was
 * changed, or brokers form a cluster.
 * @param again publishes the status
 * @returns what ends the watch: before the device itself says offline
 */
export function keepStatusRight(
  publisher: Pick<Publisher, 'subscribe'>,
  topic: string,
  again: () => void,
  apartMs = APART_MS,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let last = Number.NEGATIVE_INFINITY;
  publisher.subscribe(topic, ({ payload }) => {
    if (ended || timer || !saysOffline(payload)) return;
    const wait = Math.max(0, last + apartMs - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      last = performance.now();
      again();
    }, wait);
  });
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

function saysOffline(payload: string | Uint8Array): boolean {
  try {
    const text = typeof payload === 'string' ? payload : new TextDecoder('utf-8', { fatal: true }).decode(payload);
    const status = statusSchema.safeParse(JSON.parse(text));
    return status.success && status.data.state === 'offline';
  } catch {
    return false;
  }
}
