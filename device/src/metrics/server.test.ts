import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { freePort } from '../../../test/support/processes.js';
import { Endpoint, type EndpointParts } from './server.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function endpoint(change: Partial<EndpointParts> = {}) {
  const port = change.port ?? (await freePort());
  const parts: EndpointParts = {
    host: '127.0.0.1',
    port,
    render: async () => 'figures\n',
    type: 'text/plain; version=0.0.4',
    alive: () => true,
    logger: pino({ level: 'silent' }),
    changed: () => undefined,
    retryMs: 20,
    ...change,
  };
  const server = new Endpoint(parts);
  closers.push(() => server.close());
  server.start();
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  return { server, port, get, up: () => waitFor(() => get('/healthz')) };
}

async function occupy(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return server;
}

/** What comes back for raw bytes until the connection is closed. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  closers.push(() => socket.destroy());
  socket.write(request);
  return text(socket);
}

describe('the metrics endpoint', () => {
  it('gives the figures and the health, and nothing else', async () => {
    let alive = true;
    const { get, up } = await endpoint({ alive: () => alive });
    await up();
    const metrics = await get('/metrics?name=x');
    expect([metrics.status, metrics.headers.get('content-type'), await metrics.text()]).toEqual([
      200,
      'text/plain; version=0.0.4',
      'figures\n',
    ]);
    expect((await get('/healthz')).status).toBe(200);
    alive = false;
    expect((await get('/healthz')).status).toBe(503);
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics/../etc/passwd')).status).toBe(404);
    const post = await get('/metrics', { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('answers 500 when the figures cannot be put together, and goes on', async () => {
    let broken = true;
    const render = async () => {
      if (broken) throw new Error('broken');
      return 'whole\n';
    };
    const { get, up } = await endpoint({ render });
    await up();
    expect((await get('/metrics')).status).toBe(500);
    broken = false;
    expect(await (await get('/metrics')).text()).toBe('whole\n');
  });

  it('puts the figures together once for all who ask at the same time', async () => {
    let renders = 0;
    let finish = (_: string) => {};
    const render = () => {
      renders++;
      return new Promise<string>((resolve) => {
        finish = resolve;
      });
    };
    const { get, up } = await endpoint({ render });
    await up();
    let answered = 0;
    const asked = [1, 2, 3].map(() => get('/metrics').finally(() => answered++));
    await waitFor(() => expect(renders).toBeGreaterThan(0));
    await get('/healthz');
    finish('same\n');
    // One that came later began another.
    const rest = setInterval(() => finish('same\n'), 5);
    const bodies = await Promise.all((await Promise.all(asked)).map((response) => response.text()));
    clearInterval(rest);
    expect([bodies, answered]).toEqual([['same\n', 'same\n', 'same\n'], 3]);
    expect(renders).toBeLessThan(3);
  });

  it('says that its port is taken, and takes it once it is free', async () => {
    const port = await freePort();
    const other = await occupy(port);
    const told: (string | undefined)[] = [];
    const { server, get } = await endpoint({ port, changed: () => told.push(server.problem) });
    await waitFor(() =>
      expect(server.problem).toMatch(/127\.0\.0\.1, port \d+ \(EADDRINUSE\): .*another metrics\.port/),
    );
    expect(told).toEqual([server.problem]);
    other.close();
    await waitFor(async () => expect((await get('/metrics')).status).toBe(200));
    expect(server.problem).toBeUndefined();
    expect(told).toHaveLength(2);
  });

  it('says that it does not have the address', async () => {
    const { server } = await endpoint({ host: '192.0.2.1' });
    await waitFor(() => expect(server.problem).toMatch(/EADDRNOTAVAIL.*metrics\.host/));
  });

  it('serves no more than eight at a time, and the next ones once they are gone', async () => {
    const { get, port, up } = await endpoint();
    await up();
    const sockets = Array.from({ length: 30 }, () => connect(port, '127.0.0.1'));
    let [open, refused] = [0, 0];
    for (const socket of sockets) {
      closers.push(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.on('close', () => refused++);
      socket.on('connect', () => open++);
    }
    await waitFor(() => expect(refused).toBeGreaterThanOrEqual(22));
    expect(open - refused).toBeLessThanOrEqual(8);
    for (const socket of sockets) socket.destroy();
    await waitFor(async () => expect((await get('/metrics')).status).toBe(200));
  });

  it('refuses what is no request, and headers without end', async () => {
    const { get, port, up } = await endpoint();
    await up();
    expect(await raw(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    expect(await raw(port, `GET /metrics HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431/,
    );
    expect((await get('/metrics')).status).toBe(200);
  });
});
