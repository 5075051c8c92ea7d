import { z } from 'zod';

/** Payload of a STATE message (section 4.2.3). */
const stateSchema = z.object({ online: z.boolean(), timestamp: z.number().finite() });

/** What a STATE message says: `invalid` is no STATE payload, `stale` is older than what is known. */
export type HostNews = 'online' | 'offline' | 'stale' | 'invalid';

/** What is known of the primary host application from its STATE messages (sections 5.4 and 5.5). */
export class PrimaryHost {
  #latest = Number.NEGATIVE_INFINITY;
  #online = false;

  get online(): boolean {
    return this.#online;
  }

  /**
   * Hears a STATE message. One whose timestamp is older than the latest is not heeded: a will that comes late must not end a
   * newer session.
   */
  hear(payload: Uint8Array): HostNews {
    const state = parse(payload);
    if (!state) return 'invalid';
    if (state.timestamp < this.#latest) return 'stale';
    this.#latest = state.timestamp;
    this.#online = state.online;
    return state.online ? 'online' : 'offline';
  }

  /** The connection is gone: whether the host is online is heard anew. The latest timestamp stays. */
  forget(): void {
    this.#online = false;
  }
}

/** A STATE payload is some fifty bytes. */
const MAX_BYTES = 1024;

function parse(payload: Uint8Array): z.infer<typeof stateSchema> | undefined {
  if (payload.length > MAX_BYTES) return undefined;
  try {
    return stateSchema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))).data;
  } catch {
    return undefined;
  }
}
