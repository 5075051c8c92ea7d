import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BeltsightError } from '@beltsight/sdk';
import { readPage, type ServedFile, served } from './files.js';
import type { DashboardConfig } from './schema.js';

export interface DashboardOptions extends DashboardConfig {
  /** Where the built page lies. */
  readonly folder: string;
  /** What the page shows where its address does not say. */
  readonly site: string;
  readonly line: string;
  /** Hears what goes wrong later on: a connection that could not be taken. */
  readonly failed?: (error: Error) => void;
}

export interface DashboardServer {
  /** Where a person looks. */
  readonly url: string;
  close(): Promise<void>;
}

/** A few screens, each with a few connections. */
const MOST_CONNECTIONS = 64;
const PATIENCE_MS = 10_000;

/**
 * Serves the operator's page: a fixed set of files, to be read only. It talks to the broker by itself; nothing of the device goes
 * through here.
 * @throws BeltsightError IO_FAILED if the page is not there or the port is taken
 */
export async function serveDashboard(options: DashboardOptions): Promise<DashboardServer> {
  const { folder, site, line, broker, host, port, failed = () => undefined } = options;
  const settings = { site, line, ...(broker === undefined ? {} : { broker }) };
  const files = await readPage(folder);
  files.set('/settings.json', await served('application/json', Buffer.from(JSON.stringify(settings))));
  const headers = {
    'content-security-policy': policyFor(broker),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  };
  const server = createServer({ headersTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS }, (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    respond(files, request, response);
  });
  server.maxConnections = MOST_CONNECTIONS;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const why = taken ? 'another program uses it' : (cause as Error).message;
    throw new BeltsightError(
      'IO_FAILED',
      `The dashboard cannot be served on ${host}:${port} (${why}): choose another with dashboard.port or dashboard.host.`,
      { cause },
    );
  }
  // An error that nobody hears would end the process.
  server.on('error', failed);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}/`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Nothing from elsewhere, and no connection but to the broker; where that is not named, the page's address may name it. */
function policyFor(broker: string | undefined): string {
  const connect = broker === undefined ? 'ws: wss:' : new URL(broker).origin;
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${connect}; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

function respond(files: ReadonlyMap<string, ServedFile>, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url = '/' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    refuse(response, 405, 'The dashboard is only read.');
    return;
  }
  const file = files.get(url.split('?')[0] as string);
  if (!file) {
    refuse(response, 404, 'There is no such file.');
    return;
  }
  const zipped = /\bgzip\b/.test(headers['accept-encoding'] ?? '');
  const body = zipped ? file.gzipped : file.body;
  response.setHeader('etag', file.etag);
  response.setHeader('vary', 'accept-encoding');
  if (headers['if-none-match'] === file.etag) {
    response.writeHead(304).end();
    return;
  }
  if (zipped) response.setHeader('content-encoding', 'gzip');
  response.writeHead(200, { 'content-type': file.type, 'content-length': body.length });
  response.end(method === 'HEAD' ? undefined : body);
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(why);
}
