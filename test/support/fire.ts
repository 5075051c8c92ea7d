import type { Listener } from '../../device/src/publish/publisher.js';
import { heapInUse, hostilePayloads } from './hostile.js';

/** What came of firing hostile payloads at a listener. */
export interface Survival {
  /** The first errors that it threw: it must throw none. */
  readonly thrown: readonly unknown[];
  /** By how much the heap grew, after a tenth to warm up. */
  readonly grownBytes: number;
}

/**
 * Fires hostile payloads at a listener of `Publisher.subscribe`.
 * @param valid messages that it takes, to be damaged
 */
export function fireAt(listener: Listener, valid: readonly Uint8Array[], count: number, topic = 'topic'): Survival {
  const thrown: unknown[] = [];
  const fire = (number: number, seed: number) => {
    for (const payload of hostilePayloads(valid, number, seed)) {
      try {
        listener({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false });
      } catch (error) {
        if (thrown.length < 10) thrown.push(error);
      }
    }
  };
  fire(count / 10, 2);
  const before = heapInUse();
  fire(count, 1);
  return { thrown, grownBytes: heapInUse() - before };
}
