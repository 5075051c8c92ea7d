import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BeltsightError } from '@beltsight/sdk';
import sharp from 'sharp';
import { z } from 'zod';
import type { Camera } from '../frame.js';
import { newest } from '../newest.js';
import type { RgbConverter } from '../rgb.js';
import { type Aids, aidsOf } from './aids.js';
import type { Knobs } from './knobs.js';
import { pageHtml } from './page.js';

export interface WatchOptions {
  readonly camera: Camera;
  readonly converter: RgbConverter;
  /** Undefined where the camera has no controls. */
  readonly knobs: Knobs | undefined;
  /** Writes what was set into the configuration. */
  readonly store: (controls: Readonly<Record<string, number | boolean>>) => Promise<void>;
  /** The page's script, a browser bundle. */
  readonly script: URL;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** What the page is told of each picture, as server-sent events. */
export interface Figures extends Aids {
  readonly width: number;
  readonly height: number;
  readonly rateHz: number;
}

const BOUNDARY = 'picture';
const setSchema = z.strictObject({ name: z.string().max(64), value: z.union([z.number(), z.boolean()]) });
const LARGEST_BODY = 1024;
const LARGEST_SIDE = 1280;

/** Shows a camera on a page, live, until the signal. Rejects if the camera fails. */
export async function watchCamera(
  options: WatchOptions,
  signal: AbortSignal,
): Promise<{ readonly port: number; readonly ended: Promise<void> }> {
  const streams = new Set<ServerResponse>();
  const listeners = new Set<ServerResponse>();
  const changed: Record<string, number | boolean> = {};
  const script = await readFile(options.script);
  const server = createServer((request, response) => {
    void route(request, response).catch((error: Error) => {
      const known = error instanceof BeltsightError;
      if (!response.headersSent) response.writeHead(known ? 400 : 500, { 'content-type': 'text/plain' });
      response.end(known ? error.message : 'The page failed.');
    });
  });
  const keep = (set: Set<ServerResponse>, response: ServerResponse, type: string) => {
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
    response.flushHeaders();
    set.add(response);
    response.on('close', () => set.delete(response));
  };
  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { knobs, store } = options;
    switch (`${request.method} ${request.url}`) {
      case 'GET /':
        response.setHeader('content-security-policy', "default-src 'self'; style-src 'unsafe-inline'");
        return send(response, 'text/html; charset=utf-8', pageHtml(options.camera.name));
      case 'GET /page.js':
        return send(response, 'text/javascript', script);
      case 'GET /stream':
        return keep(streams, response, `multipart/x-mixed-replace; boundary=${BOUNDARY}`);
      case 'GET /figures':
        return keep(listeners, response, 'text/event-stream');
      case 'GET /controls':
        return send(response, 'application/json', JSON.stringify(knobs?.list() ?? []));
      case 'POST /controls': {
        const { name, value } = await bodyOf(request);
        knobs?.set(name, value);
        changed[name] = value;
        return send(response, 'application/json', JSON.stringify(knobs?.list() ?? []));
      }
      case 'POST /store':
        requireSameOrigin(request);
        await store(changed);
        return send(response, 'application/json', JSON.stringify(changed));
      default:
        response.writeHead(404).end();
    }
  }
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const show = async () => {
    try {
      await showFrames(options, streams, listeners, signal);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  };
  return { port: (server.address() as AddressInfo).port, ended: show() };
}

async function showFrames(
  { camera, converter }: WatchOptions,
  streams: ReadonlySet<ServerResponse>,
  listeners: ReadonlySet<ServerResponse>,
  signal: AbortSignal,
): Promise<void> {
  let last = performance.now();
  let periodMs = 0;
  for await (const item of newest(camera.frames(signal), () => undefined)) {
    if ('fault' in item) {
      for (const listener of listeners) listener.write(`event: fault\ndata: ${JSON.stringify(item.fault)}\n\n`);
      continue;
    }
    const now = performance.now();
    periodMs = periodMs === 0 ? now - last : 0.9 * periodMs + 0.1 * (now - last);
    last = now;
    if (listeners.size === 0 && streams.size === 0) continue;
    const picture = await converter.convert(item);
    const { width, height, data } = picture;
    const figures: Figures = { ...(await aidsOf(picture)), width, height, rateHz: 1000 / Math.max(1, periodMs) };
    for (const listener of listeners) listener.write(`data: ${JSON.stringify(figures)}\n\n`);
    const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
      .resize({ width: LARGEST_SIDE, height: LARGEST_SIDE, fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 85 })
      .toBuffer();
    const head = `--${BOUNDARY}\r\ncontent-type: image/jpeg\r\ncontent-length: ${jpeg.length}\r\n\r\n`;
    // A browser that is slow gets fewer pictures, not older ones.
    for (const stream of streams)
      if (stream.writableLength === 0) stream.write(Buffer.concat([Buffer.from(head), jpeg, Buffer.from('\r\n')]));
    if (signal.aborted) break;
  }
}

function send(response: ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, { 'content-type': type }).end(body);
}

async function bodyOf(request: IncomingMessage) {
  requireSameOrigin(request);
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > LARGEST_BODY) throw new BeltsightError('ARGUMENT_INVALID', 'The request is too long.');
  }
  try {
    return setSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BeltsightError('ARGUMENT_INVALID', 'The request is no { name, value }.', { cause });
  }
}

/** Another page in the same browser must not turn the camera's controls. */
function requireSameOrigin({ headers }: IncomingMessage): void {
  if (headers.origin === undefined || headers.origin === `http://${headers.host}`) return;
  throw new BeltsightError('ARGUMENT_INVALID', 'Requests from other pages are not taken.');
}
