import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ABOUT_HEADER, contentDigest, inboxPlace } from '@beltsight/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { upload } from './upload.js';

let folder: string;
let server: Server;
let there: Map<string, { body: Buffer; about: unknown }>;
/** Answers that the inbox gives before it works. */
let troubles: number[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-upload-'));
  const good = join(folder, 'bottle', 'train', 'good');
  await mkdir(good, { recursive: true });
  for (const name of ['a.png', 'b.png']) await writeFile(join(good, name), `picture ${name}`);
  await writeFile(join(folder, 'bottle', 'collected.jsonl'), '{"file":"a.png","camera":"belt"}\nbroken "b.png"\n');
  there = new Map();
  troubles = [];
  server = createServer((request, response) => {
    void respond(request).then(({ status, digest }) =>
      response
        .writeHead(status, digest ? { 'content-digest': digest } : {})
        .end(request.method === 'PUT' ? 'no room' : ''),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true });
});

async function respond(request: IncomingMessage): Promise<{ status: number; digest?: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const trouble = troubles.shift();
  if (trouble !== undefined) return { status: trouble };
  if (request.headers.authorization !== 'Bearer secret') return { status: 401 };
  const { className, file } = inboxPlace(request.url ?? '') ?? { className: '', file: '' };
  const key = `${className}/${file}`;
  if (request.method === 'HEAD') {
    const known = there.get(key);
    return known ? { status: 200, digest: digestOf(known.body) } : { status: 404 };
  }
  const body = Buffer.concat(chunks);
  if (request.headers['content-digest'] !== digestOf(body)) return { status: 400 };
  there.set(key, { body, about: JSON.parse(String(request.headers[ABOUT_HEADER])) });
  return { status: 201 };
}
const digestOf = (bytes: Uint8Array) => contentDigest(createHash('sha256').update(bytes).digest());

function send(change: object = {}) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upload({ folder, url, token: 'secret', sent: () => undefined, ...change }, new AbortController().signal);
}

describe('upload', () => {
  it('sends what the inbox does not have, with what is known of it', async () => {
    expect(await send()).toEqual({ total: 2, sent: 2, known: 0 });
    expect(there.get('bottle/a.png')).toEqual({
      body: Buffer.from('picture a.png'),
      about: { file: 'a.png', camera: 'belt' },
    });
    expect(there.get('bottle/b.png')?.about).toEqual({});
    there.delete('bottle/b.png');
    expect(await send()).toEqual({ total: 2, sent: 1, known: 1 });
  });

  it('tries again while the inbox has trouble', async () => {
    troubles = [503, 500];
    expect(await send()).toEqual({ total: 2, sent: 2, known: 0 });
  });

  it('says what the inbox refuses, at once', async () => {
    troubles = [404, 507];
    await expect(send()).rejects.toMatchObject({
      code: 'INBOX_REFUSED',
      message: 'The inbox does not take bottle/a.png: no room',
    });
    await expect(send({ token: 'wrong' })).rejects.toThrow(/the token is missing or wrong/);
  });

  it('says when nobody is there, and stops waiting when it is told to', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    const options = { folder, url: 'http://127.0.0.1:9', token: 'secret', sent: () => undefined };
    await expect(upload(options, stop.signal)).rejects.toMatchObject({
      code: 'INBOX_UNREACHABLE',
      message: expect.stringMatching(/http:\/\/127\.0\.0\.1:9 cannot be reached.*beltsight inbox/),
    });
  });

  it('says when there is nothing to send', async () => {
    await expect(send({ folder: join(folder, 'bottle') })).rejects.toThrow(/collect some first/);
    await expect(send({ folder: '/no/such' })).rejects.toThrow(/\/no\/such cannot be read/);
  });
});
