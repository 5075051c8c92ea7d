import { BeltsightError } from '@beltsight/sdk';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { firstLineOf, textOf } from '../../secret-file.js';
import { NoRanges, NotThere, type Transport } from './transport.js';

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
/** Asked for to know whether there is one: the only files of metadata that need not be there. */
const NEXT_ROOT = /^metadata\/\d+\.root\.json$/;

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
      yield* await this.#open(path, offset, dispatcher, signal);
    } catch (cause) {
      if (cause instanceof NotThere || cause instanceof NoRanges) throw cause;
      if (cause instanceof BeltsightError || signal.aborted) throw cause;
      throw this.#unreachable((cause as Error).message, cause);
    } finally {
      await dispatcher.destroy().catch(() => undefined);
    }
  }

  async close(): Promise<void> {}

  async #open(
    path: string,
    offset: number,
    dispatcher: Dispatcher,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
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
    if (statusCode === (offset > 0 ? 206 : 200)) return body;
    // Of an answer that is not wanted only the beginning is waited for: it may be the whole file, and take minutes.
    await body.dump({ limit: 1 });
    if (statusCode === 200) throw new NoRanges(path);
    if (statusCode === 416) return nothing();
    if (statusCode === 404 || statusCode === 410) throw new NotThere(path);
    // Object stores say so of what is not there to whoever may not list it. A token that is wrong shows with the next file.
    if (statusCode === 403 && NEXT_ROOT.test(path)) throw new NotThere(path);
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
