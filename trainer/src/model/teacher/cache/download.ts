import { BeltsightError } from '@beltsight/sdk';

/** The largest backbone that is known, WideResNet-50-2 with its head, has 276 MB. */
const MAX_BYTES = 1024 ** 3;
const MAX_REDIRECTS = 10;
/** A server that sends nothing for so long is given up. */
const SILENCE_MS = 60_000;

/** Limits of a download; tests make them small. */
export interface DownloadLimits {
  readonly maxBytes?: number;
  readonly silenceMs?: number;
  /** Hears of bytes received, and of how many there will be where the server says so. */
  readonly progress?: (bytes: number, total: number | undefined) => void;
}

/**
 * Fetches a file into memory, following redirects.
 * @throws BeltsightError BACKBONE_UNREACHABLE if the server cannot be reached, refuses, stops sending, leads from https to
 *   http, or sends more than 1 GiB
 */
export async function download(url: string, limits: DownloadLimits = {}): Promise<Uint8Array> {
  const { maxBytes = MAX_BYTES, silenceMs = SILENCE_MS, progress = () => undefined } = limits;
  const fail = (why: string, cause?: unknown) =>
    new BeltsightError('BACKBONE_UNREACHABLE', `${url} cannot be fetched: ${why}.`, { cause });
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  try {
    const response = await follow(url, silence.signal, fail);
    if (!response.ok) throw fail(`the server answers ${response.status} ${response.statusText}`.trim());
    const total = Number(response.headers.get('content-length')) || undefined;
    const tooLarge = () => fail(`it is larger than ${maxBytes} bytes, and no backbone`);
    if (total !== undefined && total > maxBytes) throw tooLarge();
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge();
      chunks.push(chunk);
      progress(bytes, total);
    }
    return Buffer.concat(chunks, bytes);
  } catch (cause) {
    if (cause instanceof BeltsightError) throw cause;
    if (silence.signal.aborted) throw fail(`the server was silent for ${silenceMs / 1000} s`, cause);
    throw fail(((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message, cause);
  } finally {
    clearTimeout(timer);
    // Whoever leaves early hangs up.
    silence.abort();
  }
}

/** Follows redirects one by one: none of them may leave TLS. */
async function follow(url: string, signal: AbortSignal, fail: (why: string) => BeltsightError): Promise<Response> {
  let place = new URL(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await fetch(place, { signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, place);
    if (place.protocol === 'https:' && next.protocol !== 'https:') throw fail('it leads to a place without TLS');
    place = next;
  }
  throw fail(`it leads on more than ${MAX_REDIRECTS} times`);
}
