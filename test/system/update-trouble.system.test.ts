import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../support/patience.js';
import { UpdatedScene } from '../update/scene.js';

/*
 * Repositories that vanish or lie, and clocks that are wrong: the device inspects with what it has, says what is the matter, and updates itself when
 * it has passed, without help.
 */

type Lie = (path: string, response: ServerResponse, request: IncomingMessage, content: Buffer) => void;

let scene: UpdatedScene;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  scene = await UpdatedScene.open();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
  await scene.close();
});

/** The repository as it is, but for what lies. */
async function lying(lie: { now: Lie | undefined }): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const content = await readFile(join(scene.scene.workspace.repository.folder, path)).catch(() => undefined);
    if (!content) return response.writeHead(404).end();
    if (lie.now) return lie.now(path, response, request, content);
    const from = Number(request.headers.range?.match(/bytes=(\d+)-/)?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
    if (from > 0) response.writeHead(206, range);
    response.end(content.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(url: string) {
  const device = await scene.start(scene.installed, { url });
  closers.push(device.close);
  const before = device.host.modelId;
  const asking = setInterval(() => device.inspect(25), 20);
  closers.push(async () => clearInterval(asking));
  /** Still inspects with the model before, and says why. */
  const says = (reason: RegExp) =>
    waitFor(() => {
      expect(device.states).toContainEqual(expect.objectContaining({ reason: expect.stringMatching(reason) }));
      expect(device.host.modelId).toBe(before);
    });
  const updates = () =>
    waitFor(() => {
      const { path, modelId } = scene.wanted;
      const proved = { state: 'idle', running: { release: path, modelId }, failed: [] };
      expect(device.states).toContainEqual(expect.objectContaining(proved));
    });
  return { ...device, says, updates };
}

const blobs =
  (lie: Lie): Lie =>
  (path, response, request, content) =>
    path.startsWith('blobs/') ? lie(path, response, request, content) : response.end(content);
const html = '<!doctype html><title>Sign in to the guest network</title>'.repeat(2);

const LIES: [string, Lie, RegExp][] = [
  ['answers everything with a page', (_path, response) => response.end(html), /not trusted|unexpected|longer/i],
  [
    'answers with a page instead of blobs',
    blobs((_path, response) => response.end(html)),
    /gave|not what was signed|longer/,
  ],
  [
    'sends half of each file',
    (_path, response, _request, content) => response.end(content.subarray(0, content.length >> 1)),
    /not trusted/,
  ],
  [
    'sends half of each blob',
    blobs((_path, response, _request, content) => response.end(content.subarray(0, content.length >> 1))),
    /gave \d+ of the/,
  ],
  [
    'breaks off before the length that it names',
    blobs((_path, response, _request, content) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, content.length >> 1), () => response.destroy());
    }),
    /cannot be read/,
  ],
  [
    'names a length that is too short',
    blobs((_path, response, _request, content) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${content.toString('latin1')}`);
    }),
    /gave 3 of the|cannot be read/,
  ],
  [
    'sends another range than it was asked for',
    blobs((_path, response, request, content) => {
      if (!request.headers.range) {
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, content.length >> 1), () => response.destroy());
      } else
        response.writeHead(206, { 'content-range': `bytes 0-${content.length - 1}/${content.length}` }).end(content);
    }),
    /cannot be read/,
  ],
  [
    'sends it round in circles',
    (path, response) => response.writeHead(302, { location: `/${path}` }).end(),
    /status 302/,
  ],
  ['says that it is out of order', (_path, response) => response.writeHead(503).end('busy'), /status 503/],
];

describe('a repository', () => {
  it.each(LIES)('that %s is not believed, and taken again when it tells the truth', async (_, lie, reason) => {
    const how: { now: Lie | undefined } = { now: lie };
    const device = await start(await lying(how));
    await device.says(reason);
    how.now = undefined;
    await device.updates();
  });

  it('that vanishes in the middle is waited for', async () => {
    let passed = 0;
    const vanishing = { now: blobs((_path, response) => void response.destroy()) as Lie | undefined };
    const some = blobs((path, response, request, content) => {
      if (passed++ < 1) response.end(content);
      else vanishing.now?.(path, response, request, content);
    });
    const how: { now: Lie | undefined } = { now: (...lie) => some(...lie) };
    const device = await start(await lying(how));
    await device.says(/cannot be read/);
    how.now = undefined;
    await device.updates();
  });

  it('whose headers have no end is left', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write('x-more: and more\r\n'.repeat(1000)));
      };
      socket.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(async () => new Promise((resolve) => server.close(resolve)));
    const device = await start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await device.says(/cannot be read/);
  });
});

describe('a clock', () => {
  const YEAR_MS = 365.25 * 86_400_000;
  const wrong = (years: number) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + years * YEAR_MS });
  };

  it('that is years ahead keeps a device from updates, and not from inspecting; set right, it updates', async () => {
    wrong(8);
    const device = await start(scene.url);
    await device.says(/expired/i);
    vi.useRealTimers();
    await device.updates();
  });

  it('that stands at the beginning of time keeps it from nothing: what is signed has not expired', async () => {
    wrong(-50);
    const device = await start(scene.url);
    await device.updates();
  });

  it.each([-20, 20])('that jumps by %i years during probation changes nothing about it', async (years) => {
    const device = await scene.start(scene.installed, { parts: { probation: { ...PROBATION, minutes: 0.02 } } });
    closers.push(device.close);
    await waitFor(() => expect(device.states.at(-1)?.state).toBe('probation'));
    const begun = performance.now();
    wrong(years);
    const asking = setInterval(() => device.inspect(25), 20);
    await waitFor(() => expect(device.record.record.probation).toBeNull()).finally(() => clearInterval(asking));
    // By the clock that nobody sets; what that says of the disk's is no matter.
    expect(performance.now() - begun).toBeGreaterThan(0.015 * 60_000);
    expect(device.host.modelId).toBe(scene.wanted.modelId);
  });
});

const PROBATION = { frames: 20, minutes: 0, latencyFactor: 3, excessRejects: 0.05, failures: 3 };
