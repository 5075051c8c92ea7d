import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';

/** Scrapers at a time; further connections are closed at once. */
const CONNECTIONS = 8;
/** A request that is not there by then is given up; a connection without one is closed. */
const REQUEST_MS = 5000;
const HEADER_BYTES = 8192;
/** A port that is taken is tried again. */
const RETRY_MS = 5000;

export interface EndpointParts {
  readonly host: string;
  readonly port: number;
  /** What is there to scrape, in Prometheus' text format, and its media type. */
  readonly render: () => Promise<string>;
  readonly type: string;
  /** Whether the device does its work. */
  readonly alive: () => boolean;
  readonly logger: Pick<Logger, 'error' | 'info'>;
  /** Hears that the endpoint is there now, or no longer. */
  readonly changed: () => void;
  readonly retryMs?: number;
}

/**
 * GET /metrics for Prometheus and GET /healthz for whoever watches over the device, and nothing else. It never keeps the device from
 * inspecting: where the port is taken it says so and tries again.
 */
export class Endpoint {
  #server: Server | undefined;
  #retry: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #rendering: Promise<string> | undefined;
  #closed = false;

  constructor(private readonly parts: EndpointParts) {}

  /** Why nobody can scrape, and what to do. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Begins to listen. Failures show in `problem`. */
  start(): void {
    const { host, port, logger, changed, retryMs = RETRY_MS } = this.parts;
    const server = createServer({
      maxHeaderSize: HEADER_BYTES,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
      connectionsCheckingInterval: REQUEST_MS,
    });
    server.maxConnections = CONNECTIONS;
    // What hangs in sending is given up as well.
    server.setTimeout(2 * REQUEST_MS);
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('listening', () => {
      logger.info(`Metrics are at http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics.`);
      if (this.#problem === undefined) return;
      this.#problem = undefined;
      changed();
    });
    server.on('error', (error: NodeJS.ErrnoException) => {
      const first = this.#problem === undefined;
      this.#problem = `The metrics endpoint cannot listen on ${host}, port ${port} (${error.code ?? error.message}): ${remedyOf(error.code)}. It is tried again.`;
      server.close();
      if (this.#closed) return;
      this.#retry = setTimeout(() => this.start(), retryMs).unref();
      if (!first) return;
      logger.error({ err: error }, this.#problem);
      changed();
    });
    this.#server = server;
    // The device ends with its work, not with its last scrape.
    server.listen({ host, port, exclusive: true }).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  async #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = url.split('?');
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    if (path !== '/metrics' && path !== '/healthz')
      return send(response, 404, 'Not here: /metrics and /healthz are.\n');
    if (method !== 'GET') {
      response.setHeader('allow', 'GET');
      return send(response, 405, 'Only GET.\n');
    }
    if (path === '/healthz') {
      const alive = this.parts.alive();
      return send(response, alive ? 200 : 503, alive ? 'ok\n' : 'A frame is stuck in work.\n');
    }
    try {
      send(response, 200, await this.#render(), this.parts.type);
    } catch (error) {
      this.parts.logger.error({ err: error }, `The metrics cannot be put together: ${(error as Error).message}`);
      send(response, 500, 'The metrics cannot be put together; the log says why.\n');
    }
  }

  /** Those who ask at the same time get the same answer. */
  #render(): Promise<string> {
    this.#rendering ??= this.parts.render().finally(() => {
      this.#rendering = undefined;
    });
    return this.#rendering;
  }
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

function remedyOf(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'something else listens there; stop it, or set another metrics.port';
  if (code === 'EACCES') return 'the service may not; set a metrics.port above 1023';
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have the address; correct metrics.host';
  return 'correct metrics.host and metrics.port';
}
