import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { type Access, mayRead } from './access.js';
import { addBundle } from './bundles.js';
import { addScope } from './init.js';
import { PASSPHRASE, QUICK, Scene } from './testing.js';

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const TOKEN = 'token-of-device-7-of-line-1';
const access: Access = {
  devices: [
    {
      name: 'device7',
      tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
      site: 'plant1',
      line: 'line1',
    },
  ],
};
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe('the server of a repository', () => {
  it('gives ranges, and no file outside of the repository', async () => {
    await writeTinyBundle(join(scene.folder, 'bundle'));
    const { workspace } = scene;
    const bundle = join(scene.folder, 'bundle');
    const { release } = await addBundle({ workspace, bundle, name: 'tiny', scope: {}, notes: '', now: new Date() });
    await scene.publish();
    const url = await scene.serve();
    const { sha256, sizeBytes } = release.files['model.onnx'] as { sha256: string; sizeBytes: number };
    const part = await fetch(`${url}/blobs/${sha256}`, { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${sizeBytes}`]);
    expect(part.headers.get('cache-control')).toContain('immutable');
    const timestamp = await fetch(`${url}/metadata/timestamp.json`);
    expect([timestamp.status, timestamp.headers.get('cache-control')]).toEqual([200, 'public, max-age=0']);
    for (const path of [
      '',
      'metadata',
      'metadata/',
      'blobs/../../release.yaml',
      'blobs/%2e%2e/%2e%2e/release.yaml',
      'x%00',
      '%',
    ]) {
      expect((await fetch(`${url}/${path}`)).status, path).toBe(404);
    }
    expect((await fetch(`${url}/metadata/timestamp.json`, { method: 'PUT', body: 'x' })).status).toBe(405);
  });

  it("lets a device read its own line's metadata, and not another's", async () => {
    for (const line of ['line1', 'line2']) {
      await addScope(scene.workspace.folder, { site: 'plant1', line }, async () => PASSPHRASE, QUICK);
    }
    await scene.publish();
    const url = await scene.serve(access);
    const status = async (path: string, options = as(TOKEN)) =>
      (await fetch(`${url}/metadata/${path}`, options)).status;
    expect(await status('timestamp.json')).toBe(200);
    expect(await status('1.plant1~line1.json')).toBe(200);
    expect(await status('1.plant1~line2.json')).toBe(404);
    expect(await status('timestamp.json', { headers: { authorization: '' } })).toBe(401);
    expect(await status('timestamp.json', as(`${TOKEN}x`))).toBe(401);
  });

  it('knows which paths belong to whom', () => {
    const [reader] = access.devices as [Access['devices'][number]];
    const own = [
      'targets/releases/_/a',
      'targets/channels/plant1/a',
      'targets/releases/plant1/line1/a',
      'metadata/3.plant1.json',
    ];
    for (const path of own) expect(mayRead(reader, path), path).toBe(true);
    const others = [
      'targets/releases/plant2/a',
      'targets/releases/plant1/line2/a',
      'metadata/3.plant2.json',
      'targets/a',
      'x',
    ];
    for (const path of others) expect(mayRead(reader, path), path).toBe(false);
  });
});
