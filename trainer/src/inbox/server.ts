import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ABOUT_HEADER, inboxPlace } from '@beltsight/sdk';
import { z } from 'zod';
import { type Inbox, Refused } from './receive.js';

export interface InboxOptions {
  readonly inbox: Inbox;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What senders must know. */
  readonly token: string;
  /** PEM of certificate and key; without, plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Hears of every picture, in words. */
  readonly log: (line: string) => void;
}

/** A sender that is silent for so long is let go. */
const TIMEOUT_MS = 30_000;
const aboutSchema = z.record(z.string(), z.unknown());
const digestSchema = z.string().regex(/^sha-256=:[A-Za-z0-9+/]{43}=:$/);

/** Serves an inbox until it is closed. */
export async function serveInbox(options: InboxOptions): Promise<{ port: number; close: () => Promise<void> }> {
  const { host, port, tls } = options;
  const handle = (request: IncomingMessage, response: ServerResponse) => void answer(options, request, response);
  const server = tls ? createSecureServer(tls, handle) : createServer(handle);
  server.requestTimeout = 10 * TIMEOUT_MS;
  server.setTimeout(TIMEOUT_MS);
  server.listen(port, host);
  await once(server, 'listening');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function answer(options: InboxOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { log } = options;
  const who = request.socket.remoteAddress ?? 'somebody';
  try {
    const { status, digest, line } = await respond(options, request);
    if (line) log(`${who}: ${line}`);
    response.writeHead(status, digest === undefined ? {} : { 'content-digest': digest }).end();
  } catch (error) {
    const status = error instanceof Refused ? error.status : 500;
    log(`${who}: ${(error as Error).message}`);
    // What was not read of the body would be taken for the next request.
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
    response.end(error instanceof Refused ? `${error.message}\n` : 'The inbox failed: its log says why.\n');
  }
}

async function respond({ inbox, token }: InboxOptions, request: IncomingMessage) {
  if (!authorised(request.headers.authorization, token)) throw new Refused(401, 'The token is missing or wrong.');
  const place = inboxPlace(request.url ?? '');
  if (!place) throw new Refused(404, 'This is no place of the inbox.');
  if (request.method === 'HEAD') {
    const digest = await inbox.digest(place);
    return { status: digest === undefined ? 404 : 200, digest };
  }
  if (request.method !== 'PUT') throw new Refused(405, 'Pictures are sent by PUT.');
  const digest = digestSchema.safeParse(request.headers['content-digest']);
  if (!digest.success) throw new Refused(400, 'Content-Digest: sha-256=:...: is missing.');
  const about = aboutOf(request.headers[ABOUT_HEADER]);
  const isNew = await inbox.take(place, digest.data, about, request);
  return isNew ? { status: 201, line: `${place.className}/${place.file}` } : { status: 200 };
}

function authorised(header: string | undefined, token: string): boolean {
  const [given, wanted] = [Buffer.from(header ?? ''), Buffer.from(`Bearer ${token}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function aboutOf(header: string | string[] | undefined): object {
  if (header === undefined) return {};
  try {
    return aboutSchema.parse(JSON.parse(String(header)));
  } catch {
    throw new Refused(400, `The header ${ABOUT_HEADER} is no JSON object.`);
  }
}
