import { BeltsightError } from '@beltsight/sdk';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { firstLineOf, textOf } from '../../secret-file.js';
import { NotThere, type Transport } from './transport.js';

export interface HttpOptions {
  /** Address of the repository's root, such as https://updates.example/beltsight/. */
  readonly url: string;
  /** File whose first line is the bearer token. */
  readonly tokenFile?: string | undefined;
  /** PEM of the only certificate authority to trust. */
  readonly caFile?: string | undefined;
  /** Address of an HTTP proxy. */
  readonly proxy?: string | undefined;
}

/** A server that is silent for so long is gone. */
const SILENCE_MS = 30_000;

/** A repository on a web server. Certificate authority and token are read anew for each connection. */
export class HttpTransport implements Transport {
  readonly name: string;
  readonly #base: URL;

  constructor(private readonly options: HttpOptions) {
    this.#base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
    this.name = `${this.#base.origin}${this.#base.pathname}`;
  }

  async *read(path: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const dispatcher = await this.#dispatcher();
    try {
      const body = await this.#open(path, offset, dispatcher, signal);
      let skip = body.skip;
      for await (const chunk of body.bytes) {
        if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
        skip = Math.max(0, skip - chunk.length);
      }
    } catch (cause) {
      if (cause instanceof NotThere || cause instanceof BeltsightError || signal.aborted) throw cause;
      throw this.#unreachable((cause as Error).message, cause);
    } finally {
      await dispatcher.destroy().catch(() => undefined);
    }
  }

  async close(): Promise<void> {}

  async #open(path: string, offset: number, dispatcher: Dispatcher, signal: AbortSignal) {
    const headers: Record<string, string> = {
      // Bytes are what the server has: a digest is over them, and ranges count them.
      'accept-encoding': 'identity',
      ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
    };
    const { tokenFile } = this.options;
    const token = tokenFile === undefined ? undefined : await firstLineOf(tokenFile, 'update.tokenFile');
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const { statusCode, body } = await request(new URL(path, this.#base), {
      dispatcher,
      headers,
      signal,
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
    });
    // A server without ranges sends the whole file; one that has nothing beyond the offset says 416.
    if (statusCode === 206) return { bytes: body as AsyncIterable<Uint8Array>, skip: 0 };
    if (statusCode === 200) return { bytes: body as AsyncIterable<Uint8Array>, skip: offset };
    await body.dump();
    if (statusCode === 416) return { bytes: nothing(), skip: 0 };
    if (statusCode === 404 || statusCode === 410) throw new NotThere(path);
    const why = statusCode === 401 || statusCode === 403 ? 'the token is missing or wrong' : `status ${statusCode}`;
    throw this.#unreachable(`${why} for ${path}`);
  }

  async #dispatcher(): Promise<Dispatcher> {
    const { caFile, proxy } = this.options;
    const tls = caFile === undefined ? {} : { ca: await textOf(caFile, 'update.caFile') };
    const timeouts = { connectTimeout: SILENCE_MS };
    return proxy === undefined
      ? new Agent({ connect: { ...tls, timeout: SILENCE_MS } })
      : new ProxyAgent({ uri: proxy, requestTls: tls, ...timeouts });
  }

  #unreachable(why: string, cause?: unknown): BeltsightError {
    const message = `The repository at ${this.name} cannot be read (${why}): check update.url, network and certificates.`;
    return new BeltsightError('UPDATE_UNREACHABLE', message, { cause });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
