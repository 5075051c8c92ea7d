import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../testing/products.js';
import { loadTeacher } from '../load.js';
import { addBackbone } from './add.js';
import { PUBLISHED, publishedAt } from './published.js';
import { cachedBackbones, cacheFolder } from './records.js';

const FILE = fileURLToPath(new URL('../../../../assets/mobilenet_v2_s16.safetensors', import.meta.url));
const bytes = await readFile(FILE);
const SHA256 = createHash('sha256').update(bytes).digest('hex');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Server | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
  vi.stubEnv('XDG_CACHE_HOME', folder.path);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await folder.dispose();
});

/** A server on this machine, and the URL of a file on it. */
async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`;
}

const held = () => readdir(cacheFolder()).catch(() => []);

describe('the cache of backbones', () => {
  it('keeps what was added from a file, so that a teacher is found by its name', async () => {
    const added = await addBackbone(FILE, { name: 'mine' });
    expect(added).toMatchObject({ name: 'mine', architecture: 'mobilenet_v2', sha256: SHA256, checked: 'first-use' });
    expect(await cachedBackbones()).toEqual([added]);
    const teacher = await loadTeacher('mine', SHA256);
    expect(teacher.backbone.name).toBe('mobilenet_v2');
    expect(teacher.metadata.license).toBe('Apache-2.0');
    expect(await held()).toEqual(['mine.json', 'mine.safetensors']);
  });

  it('is empty where nothing was added', async () => {
    expect(await cachedBackbones()).toEqual([]);
  });

  it('takes the same file under the same name again, but no other one', async () => {
    await addBackbone(FILE, { name: 'mine' });
    await addBackbone(FILE, { name: 'mine' });
    const record = join(cacheFolder(), 'mine.json');
    await writeFile(record, (await readFile(record, 'utf8')).replace(SHA256, '0'.repeat(64)));
    await expect(addBackbone(FILE, { name: 'mine' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('choose another with --name'),
    });
  });

  it('notices a file that changed since it was added, and a damaged record', async () => {
    await addBackbone(FILE, { name: 'mine' });
    await appendFile(join(cacheFolder(), 'mine.safetensors'), 'x');
    await expect(loadTeacher('mine')).rejects.toThrow('has changed since it was added');
    await writeFile(join(cacheFolder(), 'mine.json'), '{}');
    await expect(loadTeacher('mine')).rejects.toThrow('is damaged: delete it');
  });

  it.each([['../mine'], ['a/b'], ['mine.safetensors'], [''], ['mobilenet_v2']])(
    'takes no name such as %j',
    async (name) => {
      await expect(addBackbone(FILE, { name })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
      expect(await held()).toEqual([]);
    },
  );

  it('holds a file against the checksum that was given', async () => {
    const wrong = '0'.repeat(64);
    await expect(addBackbone(FILE, { name: 'mine', sha256: wrong })).rejects.toThrow(
      `not ${wrong}: that is the one given`,
    );
    await expect(addBackbone(FILE, { name: 'mine', sha256: 'abc' })).rejects.toThrow('is no SHA-256');
    expect(await held()).toEqual([]);
    expect(await addBackbone(FILE, { name: 'mine', sha256: SHA256.toUpperCase() })).toMatchObject({ checked: 'given' });
  });

  it('says how a PyTorch file becomes one that is read, and adds nothing', async () => {
    const file = join(folder.path, 'model.pth');
    await writeFile(file, Buffer.from('PK\u0003\u0004 and more'));
    await expect(addBackbone(file)).rejects.toThrow('Convert it where PyTorch is installed: python3 -c');
    expect(await held()).toEqual([]);
  });
});

describe('a backbone from a server', () => {
  it('needs a whole address', async () => {
    await expect(addBackbone('https://')).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: '"https://" is no URL.',
    });
  });

  it('is fetched, through a redirect too, with word of its progress', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/model.safetensors') response.writeHead(302, { location: '/elsewhere' }).end();
      else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    });
    const heard: (number | undefined)[][] = [];
    const limits = { progress: (...figures: (number | undefined)[]) => void heard.push(figures) };
    expect(await addBackbone(url, { name: 'mine', limits })).toMatchObject({
      source: expect.any(String),
      sha256: SHA256,
    });
    expect(heard.at(-1)).toEqual([bytes.length, bytes.length]);
  });

  it.each<[string, RequestListener, string]>([
    ['refuses', (_, response) => void response.writeHead(404).end(), 'the server answers 404'],
    [
      'announces too much',
      (_, response) => void response.writeHead(200, { 'content-length': 5000 }).write('x'),
      'larger than 1000 bytes',
    ],
    ['sends too much', (_, response) => void response.end(Buffer.alloc(5000)), 'larger than 1000 bytes'],
    ['falls silent', (_, response) => void response.write('x'), 'was silent'],
    [
      'hangs up',
      (_, response) => void response.writeHead(200, { 'content-length': 900 }).write('x', () => response.destroy()),
      'cannot be fetched',
    ],
  ])('that %s is given up, and nothing is left', async (_, listener, message) => {
    const url = await serve(listener);
    const limits = { maxBytes: 1000, silenceMs: 200 };
    await expect(addBackbone(url, { name: 'mine', limits })).rejects.toMatchObject({
      code: 'BACKBONE_UNREACHABLE',
      message: expect.stringContaining(message),
    });
    expect(await held()).toEqual([]);
  });

  it('that claims to be a published one must have its checksum', async () => {
    const url = 'https://huggingface.co/timm/resnet18.tv_in1k/resolve/main/model.safetensors';
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(bytes));
    await expect(addBackbone(url)).rejects.toThrow(/not 694f673d[0-9a-f]+: that is the checksum it was published with/);
    expect(await held()).toEqual([]);
  });
});

describe('published backbones', () => {
  it('are known by their URL, in any revision', () => {
    for (const published of PUBLISHED) {
      expect(published.sha256).toMatch(/^[0-9a-f]{64}$/);
      const place = `huggingface.co/timm/${published.name}/resolve`;
      expect(publishedAt(`https://${place}/main/model.safetensors`)).toBe(published);
      expect(publishedAt(`https://${place}/1234abcd/model.safetensors?download=true`)).toBe(published);
      expect(publishedAt(`https://example.com/${place}/main/model.safetensors`)).toBeUndefined();
    }
  });
});
