import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import send from 'send';
import { type Access, mayRead, readerOf } from './access.js';

export interface ServeOptions {
  /** Folder of the repository. */
  readonly folder: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Without, everybody may read: everything in it is signed, and nothing is secret. */
  readonly access?: Access | undefined;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly log: (line: string) => void;
}

/** A client that neither sends nor takes for so long is let go. */
const IDLE_MS = 60_000;
const YEAR_MS = 365 * 86_400_000;

/** Serves a repository over HTTP with ranges, until it is closed. */
export async function serveRepository(options: ServeOptions): Promise<{ port: number; close: () => Promise<void> }> {
  const { tls, host, port } = options;
  const handle = (request: IncomingMessage, response: ServerResponse) => answer(options, request, response);
  const server = tls ? createSecureServer(tls, handle) : createServer(handle);
  server.setTimeout(IDLE_MS);
  server.listen(port, host);
  await once(server, 'listening');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}

function answer(options: ServeOptions, request: IncomingMessage, response: ServerResponse): void {
  const refuse = ({ status, why, headers = {} }: Refusal) => {
    options.log(`${request.socket.remoteAddress} ${request.method} ${request.url}: ${status}`);
    response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(`${why}\n`);
  };
  const asked = allowed(options, request);
  if (typeof asked !== 'string') {
    refuse(asked);
    return;
  }
  // All but the timestamp have their version or digest in their name.
  const lasting = asked !== 'metadata/timestamp.json';
  const caching = { immutable: lasting, maxAge: lasting ? YEAR_MS : 0 };
  send(request, encodeURI(asked), { root: options.folder, index: false, dotfiles: 'deny', ...caching })
    .on('error', ({ status = 500 }: { status?: number }) => refuse({ ...ABSENT, status }))
    .on('directory', () => refuse(ABSENT))
    .pipe(response);
}

interface Refusal {
  readonly status: number;
  readonly why: string;
  readonly headers?: Record<string, string>;
}

const ABSENT: Refusal = { status: 404, why: 'There is no such file.' };

/** The path that a request asks for, or why it does not get it. */
function allowed({ access }: ServeOptions, request: IncomingMessage): string | Refusal {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, why: 'This is read only.', headers: { allow: 'GET, HEAD' } };
  }
  const path = pathOf(request.url ?? '');
  if (path === undefined || !access) return path ?? ABSENT;
  const reader = readerOf(access, request.headers.authorization);
  if (!reader) {
    return { status: 401, why: 'The token is missing or wrong.', headers: { 'www-authenticate': 'Bearer' } };
  }
  // Not 403: whether another line has such a file is none of a device's business.
  return mayRead(reader, path) ? path : ABSENT;
}

/** The path inside of the repository, decoded; undefined for one that cannot be in it. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url, 'http://repository').pathname).slice(1);
    return /^(metadata|targets|blobs)\/[A-Za-z0-9_.~/-]+$/.test(path) && !path.includes('..') ? path : undefined;
  } catch {
    return undefined;
  }
}
