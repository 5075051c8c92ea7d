import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ABOUT_HEADER, asciiJson, contentDigest, inboxPath } from '@beltsight/sdk';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDataset } from '../data/dataset.js';
import { openInbox } from './receive.js';
import { serveInbox } from './server.js';

const TOKEN = '0123456789abcdef';
const PLACE = { className: 'Flasche grün', file: '2026-11-25T04-01-27.348Z.png' };
const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
  .png()
  .toBuffer();
const jpeg = await sharp(picture).jpeg().toBuffer();
const digestOf = (bytes: Uint8Array) => contentDigest(createHash('sha256').update(bytes).digest());

let folder: string;
let server: Awaited<ReturnType<typeof serveInbox>>;
let lines: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-inbox-'));
  lines = [];
  const inbox = await openInbox(folder);
  server = await serveInbox({ inbox, host: '127.0.0.1', port: 0, token: TOKEN, log: (line) => lines.push(line) });
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function send(body: Uint8Array, change: Record<string, string> = {}, path = inboxPath(PLACE), method = 'PUT') {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    'content-digest': digestOf(body),
    [ABOUT_HEADER]: asciiJson({ device: 'größe' }),
    ...change,
  };
  return fetch(`http://127.0.0.1:${server.port}${path}`, {
    method,
    headers,
    body: method === 'PUT' ? new Uint8Array(body) : null,
  });
}
const good = () => join(folder, PLACE.className, 'train', 'good');

describe('the inbox', () => {
  it('takes a picture, once, with what is known of it, where training looks for it', async () => {
    expect((await send(picture, {}, undefined, 'HEAD')).status).toBe(404);
    expect((await send(picture)).status).toBe(201);
    expect((await send(picture)).status).toBe(200);
    const head = await send(picture, {}, undefined, 'HEAD');
    expect(head.headers.get('content-digest')).toBe(digestOf(picture));
    expect(await readFile(join(good(), PLACE.file))).toEqual(picture);
    const about = await readFile(join(folder, PLACE.className, 'collected.jsonl'), 'utf8');
    expect(JSON.parse(about)).toEqual({ file: PLACE.file, device: 'größe' });
    expect((await readDataset([folder]))[0]).toMatchObject({
      name: PLACE.className,
      train: [join(good(), PLACE.file)],
    });
    expect(lines).toEqual([`127.0.0.1: ${PLACE.className}/${PLACE.file}`]);
  });

  it.each([
    ['a wrong token', { authorization: 'Bearer 0123456789abcdeX' }, 401, /token/],
    ['no token', { authorization: '' }, 401, /token/],
    ['no digest', { 'content-digest': 'md5=:abc:' }, 400, /Content-Digest/],
    ['another digest', { 'content-digest': digestOf(Buffer.from('x')) }, 400, /send it again/],
    ['no JSON', { [ABOUT_HEADER]: '[1' }, 400, /no JSON object/],
  ])('refuses %s and keeps nothing', async (_, change, status, message) => {
    const answer = await send(picture, change);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(message);
    expect(await readdir(good()).catch(() => [])).toEqual([]);
  });

  it.each([
    ['no picture', Buffer.from('GIF89a'), 415],
    ['a picture cut off', picture.subarray(0, picture.length - 20), 415],
    ['a JPEG', jpeg, 415],
  ])('refuses %s and keeps nothing', async (_, body, status) => {
    expect((await send(body)).status).toBe(status);
    expect(await readdir(good())).toEqual([]);
  });

  it('takes no picture without its line, and has one line on it when it comes again', async () => {
    const about = join(folder, PLACE.className, 'collected.jsonl');
    await mkdir(join(folder, PLACE.className));
    await symlink('/dev/full', about);
    const answer = await send(picture);
    expect(answer.status).toBe(507);
    expect(await answer.text()).toMatch(/disk of the inbox is full/);
    expect(await readdir(good())).toEqual([]);
    await rm(about);
    expect((await send(picture)).status).toBe(201);
    expect(JSON.parse(await readFile(about, 'utf8'))).toEqual({ file: PLACE.file, device: 'größe' });
  });

  it('begins a new line after one that a power cut has torn', async () => {
    const about = join(folder, PLACE.className, 'collected.jsonl');
    await mkdir(join(folder, PLACE.className));
    await writeFile(about, '{"file":"a.png"}\n{"file":"b.p');
    const second = { ...PLACE, file: '2.png' };
    for (const place of [PLACE, second]) expect((await send(picture, {}, inboxPath(place))).status).toBe(201);
    const lines = (await readFile(about, 'utf8')).split('\n').slice(2);
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line).file)).toEqual([PLACE.file, second.file]);
  });

  it('refuses a place outside, another method, and another picture of the same name', async () => {
    expect((await send(picture, {}, '/beltsight/1/good/..%2F..%2Fetc/x.png')).status).toBe(404);
    expect((await send(picture, {}, undefined, 'DELETE')).status).toBe(405);
    expect((await send(picture)).status).toBe(201);
    const other = await sharp({ create: { width: 9, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect((await send(other)).status).toBe(409);
    expect(await readFile(join(good(), PLACE.file))).toEqual(picture);
  });

  it('refuses more bytes than a picture may have', async () => {
    const answer = await send(Buffer.alloc(64 * 2 ** 20 + 1)).catch(() => undefined);
    if (answer) expect(answer.status).toBe(413);
    expect(await readdir(good())).toEqual([]);
  });

  it('keeps nothing of a sender that goes away', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const head = [
      `PUT ${inboxPath(PLACE)} HTTP/1.1`,
      'Host: inbox',
      `Authorization: Bearer ${TOKEN}`,
      `Content-Digest: ${digestOf(picture)}`,
      `Content-Length: ${picture.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.end(picture.subarray(0, 10));
    await expect.poll(() => lines.length, { timeout: 20_000 }).toBe(1);
    expect(await readdir(good())).toEqual([]);
  });

  it('cannot be where a file is', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(openInbox(file)).rejects.toThrow(/cannot be an inbox/);
  });
});
