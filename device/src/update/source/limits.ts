import { setTimeout as sleep } from 'node:timers/promises';
import { BeltsightError } from '@beltsight/sdk';

export interface ReadLimits {
  /** No more bytes than these are taken: a file without an end fills no disk. */
  readonly maxBytes: number;
  /** Slowest speed over `patienceMs`: a server that keeps a device waiting keeps it from updates. */
  readonly minBytesPerSecond: number;
  readonly patienceMs: number;
  /** Bandwidth that may be used; null: all there is. */
  readonly maxBytesPerSecond: number | null;
}

/**
 * Passes bytes on within limits.
 * @throws BeltsightError UPDATE_REFUSED if there are too many, UPDATE_UNREACHABLE if they come too slowly
 */
export async function* limited(
  bytes: AsyncIterable<Uint8Array>,
  { maxBytes, minBytesPerSecond, patienceMs, maxBytesPerSecond }: ReadLimits,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const begin = performance.now();
  let total = 0;
  let window = { since: begin, bytes: 0 };
  // Waits of our own making do not count against the server.
  let waited = 0;
  for await (const chunk of withDeadline(bytes, patienceMs, path)) {
    total += chunk.length;
    if (total > maxBytes) {
      throw new BeltsightError('UPDATE_REFUSED', `${path} is longer than the ${maxBytes} bytes that it may have.`);
    }
    const elapsed = performance.now() - window.since - waited;
    window.bytes += chunk.length;
    if (elapsed > patienceMs) {
      if ((window.bytes / elapsed) * 1000 < minBytesPerSecond) throw tooSlow(path, minBytesPerSecond);
      window = { since: performance.now(), bytes: 0 };
      waited = 0;
    }
    yield chunk;
    if (maxBytesPerSecond !== null) {
      const ahead = (total / maxBytesPerSecond) * 1000 - (performance.now() - begin);
      if (ahead > 0) await sleep(ahead, undefined, { signal });
      waited += Math.max(0, ahead);
    }
  }
}

async function* withDeadline(
  bytes: AsyncIterable<Uint8Array>,
  patienceMs: number,
  path: string,
): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  try {
    while (true) {
      const timer = new AbortController();
      const late = sleep(patienceMs, 'late' as const, { signal: timer.signal, ref: false });
      late.catch(() => undefined);
      const next = iterator.next();
      // Met where it is awaited, unless the deadline comes first.
      next.catch(() => undefined);
      const item = await Promise.race([next, late]).finally(() => timer.abort());
      if (item === 'late') throw tooSlow(path, 0);
      if (item.done) return;
      yield item.value;
    }
  } finally {
    // Not awaited: a source that hangs would hang whoever leaves it.
    void iterator.return?.()?.catch(() => undefined);
  }
}

function tooSlow(path: string, minBytesPerSecond: number): BeltsightError {
  return new BeltsightError(
    'UPDATE_UNREACHABLE',
    `${path} comes too slowly (less than ${minBytesPerSecond} bytes a second): it is tried again later.`,
  );
}
