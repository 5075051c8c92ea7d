import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scene } from '../../../../trainer/src/release/testing.js';
import { checked, digested } from '../store/digested.js';
import { HttpTransport } from './http.js';
import { Releases } from './releases.js';
import { TrustedMetadata } from './trusted.js';

const DEVICE = { site: 'plant1', line: 'line1' };
const LIMITS = { minBytesPerSecond: 1, patienceMs: 60_000, maxBytesPerSecond: null };
const RELEASE = 'releases/_/bottles-1.json';

/** Two repositories, of which one takes the place of the other under the same address. */
let old: Scene;
let anew: Scene;
let served: Scene;
/** How the server answers for what is not there, and whom it lets in. */
let answers: { absent: number; allowed: boolean };
let url: string;
let installed: string;
let trusted: string;
let warnings: string[];
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  [old, anew] = [await repository(), await repository()];
  served = old;
  answers = { absent: 404, allowed: true };
  url = await serve();
  installed = join(old.folder, 'device/root.json');
  trusted = join(old.folder, 'device/trusted.json');
  await mkdir(join(old.folder, 'device'));
  await copyFile(rootOf(old), installed);
  warnings = [];
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function repository(): Promise<Scene> {
  const scene = await Scene.open();
  closers.push(() => scene.close());
  const release = { schema: 'beltsight.release/1', name: 'bottles', version: 1, modelId: '0'.repeat(16), notes: '' };
  await scene.workspace.stage(RELEASE, { ...release, createdAt: '2026-06-01T12:00:00.000Z', files: {} });
  await scene.publish();
  return scene;
}

async function serve(): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = join(served.workspace.repository.folder, request.url ?? '');
    const content = answers.allowed ? await readFile(path).catch(() => undefined) : undefined;
    if (content) response.end(content);
    else response.writeHead(answers.allowed ? answers.absent : 403).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const rootOf = (scene: Scene) => join(scene.workspace.repository.folder, 'metadata/1.root.json');

/** What a device finds. */
const find = () =>
  new Releases(
    new HttpTransport({ url }),
    new TrustedMetadata(trusted, installed, (line) => warnings.push(line)),
    LIMITS,
  ).find(DEVICE, { release: RELEASE, channel: 'stable' }, AbortSignal.timeout(10_000));

describe('a web server that says of what is not there that it is forbidden', () => {
  it('as object stores do, is read all the same', async () => {
    answers.absent = 403;
    expect(await find()).toMatchObject({ path: RELEASE });
  });

  it('because the token is wrong, is named as before', async () => {
    answers.allowed = false;
    await expect(find()).rejects.toMatchObject({
      code: 'UPDATE_UNREACHABLE',
      message: expect.stringContaining('the token is missing or wrong for metadata/timestamp.json'),
    });
  });
});

describe('a device whose installed root is replaced', () => {
  it('moves to the repository that was made anew, and says so', async () => {
    await find();
    // The new one is at an earlier version than the old one was.
    await old.publish();
    await find();
    served = anew;
    await expect(find()).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
    await copyFile(rootOf(anew), installed);
    expect(await find()).toMatchObject({ path: RELEASE });
    expect(await find()).toMatchObject({ path: RELEASE });
    expect(warnings).toEqual([expect.stringContaining('(update.root) is another one than before')]);
  });

  it('by one that leads nowhere has what it knew when that is put right', async () => {
    await old.publish();
    await find();
    const before = await readFile(trusted);
    await copyFile(rootOf(anew), installed);
    await expect(find()).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
    expect(await readFile(trusted)).toEqual(before);
    await copyFile(rootOf(old), installed);
    expect(await find()).toMatchObject({ path: RELEASE });
  });

  it('by what a disk has made of it goes on with what it knows', async () => {
    await find();
    const damaged = (await readFile(installed, 'utf8')).replace(/"sig": "./, '"sig": "x');
    for (const content of ['', damaged]) {
      await writeFile(installed, content);
      expect(await find()).toMatchObject({ path: RELEASE });
      expect(warnings.splice(0)).toEqual([expect.stringContaining('what was trusted before still is')]);
    }
  });

  it('knows it also from a file of before that was written down', async () => {
    await find();
    const { root, ...older } = JSON.parse(checked(await readFile(trusted, 'utf8')) ?? '');
    expect(root).toMatch(/^[0-9a-f]{64}$/);
    await writeFile(trusted, digested(JSON.stringify(older)));
    expect(await find()).toMatchObject({ path: RELEASE });
    expect(warnings).toEqual([]);
    served = anew;
    await copyFile(rootOf(anew), installed);
    expect(await find()).toMatchObject({ path: RELEASE });
  });
});
