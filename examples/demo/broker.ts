import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { BeltsightError } from '@beltsight/sdk';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { place } from './places.js';

/** The page's files by path: where they lie, and what they are. */
const PAGE: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': [place('examples', 'demo', 'page', 'index.html'), 'text/html; charset=utf-8'],
  '/style.css': [place('examples', 'demo', 'page', 'style.css'), 'text/css; charset=utf-8'],
  '/page.js': [place('examples', 'dist', 'page.js'), 'text/javascript; charset=utf-8'],
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; worker-src blob:";

export interface DemoServer {
  /** Where the device and other programs connect. */
  readonly mqttUrl: string;
  /** Where a person looks. */
  readonly pageUrl: string;
  close(): Promise<void>;
}

/**
 * An MQTT broker inside this process: on loopback over TCP, and over WebSocket (`/mqtt`) beside the page.
 * @throws BeltsightError IO_FAILED if the port is taken
 */
export async function startServer(host: string, port: number): Promise<DemoServer> {
  const http = createHttpServer((request, response) => void respond(request.url ?? '/', response));
  // First: where the port is taken, nothing else is open yet that would keep the process alive.
  await listen(http, host, port);
  const aedes = await Aedes.createBroker();
  const mqtt = createServer(aedes.handle);
  mqtt.listen(0, '127.0.0.1');
  await once(mqtt, 'listening');
  const sockets = new WebSocketServer({
    server: http,
    path: '/mqtt',
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  });
  sockets.on('connection', (socket) => {
    const stream = createWebSocketStream(socket);
    stream.on('error', () => socket.terminate());
    aedes.handle(stream);
  });
  // The HTTP server's errors come here too.
  sockets.on('error', () => undefined);
  return {
    mqttUrl: `mqtt://127.0.0.1:${(mqtt.address() as AddressInfo).port}`,
    pageUrl: `http://${host.includes(':') ? `[${host}]` : host}:${(http.address() as AddressInfo).port}/`,
    async close() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.closeAllConnections();
      await Promise.all([mqtt, http].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listen(server: ReturnType<typeof createHttpServer>, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new BeltsightError(
      'IO_FAILED',
      `The page cannot be served on ${host}:${port} (${taken ? 'another program uses it' : (cause as Error).message}): choose another with --port.`,
      { cause },
    );
  }
}

async function respond(url: string, response: ServerResponse): Promise<void> {
  const [file, type] = PAGE[url.split('?')[0] as string] ?? [];
  const body = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  response.writeHead(body ? 200 : 404, {
    'content-type': body && type ? type : 'text/plain',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(body ?? 'Not found');
}
