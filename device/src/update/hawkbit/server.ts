import { BeltsightError } from '@beltsight/sdk';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import type { z } from 'zod';
import { firstLineOf, textOf } from '../../secret-file.js';
import type { HawkbitOptions } from './schema.js';

/** An answer has to be there after so long, to its last byte. */
const DEADLINE_MS = 60_000;
/** Distribution sets with hundreds of artifacts stay far below. */
const ANSWER_BYTES = 1_000_000;

const SCHEMES = { target: 'TargetToken', gateway: 'GatewayToken' } as const;

/** hawkBit does not answer as it should. */
export class HawkbitError extends BeltsightError {
  constructor(
    code: 'UPDATE_UNREACHABLE' | 'UPDATE_REFUSED',
    message: string,
    readonly answer: {
      readonly status?: number;
      /** How long it wants to be left alone (RFC 9110, section 10.2.3). */
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(code, message, { cause: answer.cause });
  }
}

/** hawkBit's resources of one target. Nothing that an answer holds makes it ask another server, so no other gets the token. */
export class HawkbitServer {
  /** Address of the target's resources, without a slash at the end. */
  readonly name: string;
  readonly #base: URL;

  constructor(
    private readonly options: HawkbitOptions,
    controllerId: string,
  ) {
    const { url, tenant } = options;
    this.#base = new URL(`${url.replace(/\/+$/, '')}/${tenant}/controller/v1/${controllerId}`);
    this.name = `${this.#base.origin}${this.#base.pathname}`;
  }

  /**
   * Requests over one connection, and with files of the configuration as they are now.
   * @throws BeltsightError CONFIG_INVALID if one of them cannot be read; whatever `use` throws
   */
  async session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> {
    const { tokenFile, tokenKind } = this.options;
    const token = tokenFile === undefined ? undefined : await firstLineOf(tokenFile, 'update.hawkbit.tokenFile');
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `${SCHEMES[tokenKind]} ${token}` };
    const dispatcher = await this.#dispatcher();
    try {
      return await use(new Session(this.#base, { dispatcher, headers, signal }));
    } finally {
      await dispatcher.destroy().catch(() => undefined);
    }
  }

  async #dispatcher(): Promise<Dispatcher> {
    const { caFile, certFile, keyFile, proxy } = this.options;
    const pem = (file: string | undefined, key: string) =>
      file === undefined ? undefined : textOf(file, `update.hawkbit.${key}`);
    const tls = {
      ca: await pem(caFile, 'caFile'),
      cert: await pem(certFile, 'certFile'),
      key: await pem(keyFile, 'keyFile'),
    };
    const limits = { maxResponseSize: ANSWER_BYTES, connectTimeout: DEADLINE_MS };
    return proxy === undefined
      ? new Agent({ ...limits, connect: { ...tls, timeout: DEADLINE_MS } })
      : new ProxyAgent({ ...limits, uri: proxy, requestTls: tls });
  }
}

interface Connection {
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Requests to the resources of one target. */
export class Session {
  constructor(
    private readonly base: URL,
    private readonly connection: Connection,
  ) {}

  /**
   * The resource that has the links.
   * @throws HawkbitError
   */
  async root<T extends z.ZodType>(schema: T): Promise<z.output<T>> {
    const { status, text, retryAfterMs } = await this.#ask('GET', this.base);
    // hawkBit makes targets that it does not know: one that is missing has another address.
    if (status >= 300) throw this.#refused(this.base, status, retryAfterMs);
    return parse(schema, text, this.base);
  }

  /**
   * @param href a link of an answer
   * @returns undefined where there is no such thing any more
   * @throws HawkbitError
   */
  async get<T extends z.ZodType>(schema: T, href: string): Promise<z.output<T> | undefined> {
    const address = this.#within(href);
    const text = await this.#found('GET', address);
    return text === undefined ? undefined : parse(schema, text, address);
  }

  /**
   * @param below of the link, such as `/feedback`
   * @returns whether it was taken; if not, nobody waits for it any more
   * @throws HawkbitError
   */
  async send(method: 'POST' | 'PUT', href: string, below: '' | '/feedback', body: object): Promise<boolean> {
    const address = this.#within(href);
    address.pathname += below;
    address.search = '';
    return (await this.#found(method, address, JSON.stringify(body))) !== undefined;
  }

  #within(href: string): URL {
    const { base } = this;
    const url = URL.canParse(href, base) ? new URL(href, base) : undefined;
    if (url?.origin === base.origin && url.pathname.startsWith(`${base.pathname}/`)) return url;
    throw new HawkbitError(
      'UPDATE_REFUSED',
      `hawkBit at ${base.origin}${base.pathname} sends this device to ${href.slice(0, 300)}, where it does not go: give update.hawkbit.url and tenant as hawkBit writes them in its links, and let hawkBit know its public address (server.forward-headers-strategy).`,
    );
  }

  /** @returns the text of the answer; undefined: there is no such thing */
  async #found(method: Method, address: URL, body?: string): Promise<string | undefined> {
    const { status, text, retryAfterMs } = await this.#ask(method, address, body);
    if (status < 300) return text;
    if (status === 404 || status === 410) return undefined;
    throw this.#refused(address, status, retryAfterMs);
  }

  async #ask(method: Method, address: URL, body?: string): Promise<Answer> {
    const { dispatcher, headers, signal } = this.connection;
    try {
      // Redirections are not followed.
      const response = await request(address, {
        dispatcher,
        method,
        headers: {
          ...headers,
          accept: 'application/hal+json, application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
      });
      return {
        status: response.statusCode,
        text: await response.body.text(),
        retryAfterMs: waitMs(response.headers['retry-after']),
      };
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw this.#failed(address, (cause as Error).message, { cause });
    }
  }

  #refused(address: URL, status: number, retryAfterMs: number): HawkbitError {
    const why = status === 401 ? 'the token or certificate is missing, or of another target' : `status ${status}`;
    return this.#failed(address, why, { status, retryAfterMs });
  }

  #failed(address: URL, why: string, answer: HawkbitError['answer']): HawkbitError {
    const where = `${address.origin}${address.pathname}`;
    return new HawkbitError(
      'UPDATE_UNREACHABLE',
      `hawkBit at ${where} does not answer as it should (${why}): check update.hawkbit, network and certificates.`,
      answer,
    );
  }
}

type Method = 'GET' | 'POST' | 'PUT';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number;
}

function parse<T extends z.ZodType>(schema: T, text: string, { origin, pathname }: URL): z.output<T> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const why = 'is no answer of the Direct Device Integration API, version 1: check update.hawkbit.url';
    throw new HawkbitError('UPDATE_REFUSED', `What ${origin}${pathname} gives ${why}.`, { cause });
  }
}

/** Seconds, or a date. */
function waitMs(retryAfter: string | string[] | undefined): number {
  if (typeof retryAfter !== 'string') return 0;
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
