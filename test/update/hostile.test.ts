import { createHash, sign } from 'node:crypto';
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { releasePath } from '@beltsight/sdk/release';
import { canonicalize } from '@tufjs/canonical-json';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpTransport } from '../../device/src/update/source/http.js';
import { Releases } from '../../device/src/update/source/releases.js';
import { TrustedMetadata } from '../../device/src/update/source/trusted.js';
import { type BlobInfo, BlobStore } from '../../device/src/update/store/blobs.js';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { addScope, rotateKey } from '../../trainer/src/release/init.js';
import { openKey } from '../../trainer/src/release/key-file.js';
import { publish } from '../../trainer/src/release/publish.js';
import { readSettings } from '../../trainer/src/release/settings.js';
import { Signers, tufKey } from '../../trainer/src/release/signers.js';
import { PASSPHRASE, QUICK, Scene } from '../../trainer/src/release/testing.js';
import { Workspace } from '../../trainer/src/release/workspace.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';

/*
 * The attacks of the TUF specification, section 1.5.2, by whoever runs the server or sits on the line, and by whoever has stolen a key.
 * Whatever they try, the device takes nothing that was not signed for it.
 */

const DEVICE = { site: 'plant1', line: 'line1' };
const LIMITS = { minBytesPerSecond: 1, patienceMs: 60_000, maxBytesPerSecond: null };
const signal = new AbortController().signal;

let scene: Scene;
let url: string;
/** What the server does instead, by path. */
let instead: Map<string, Buffer | ((response: ServerResponse) => void)>;
/** The folder that is served. */
let folder: string;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  scene = await Scene.open();
  folder = scene.workspace.repository.folder;
  instead = new Map();
  await writeTinyBundle(join(scene.folder, 'bundle'));
  url = await serve();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await scene.close();
});

async function serve(): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const other = instead.get(path);
    if (typeof other === 'function') return other(response);
    const content = other ?? (await readFile(join(folder, path)).catch(() => undefined));
    if (!content) return response.writeHead(404).end();
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function release(scope: { site?: string; line?: string } = {}, name = 'tiny') {
  const bundle = join(scene.folder, 'bundle');
  const added = await addBundle({ workspace: scene.workspace, bundle, name, scope, notes: '', now: new Date() });
  await promote(scene.workspace, scope, 'stable', added.path, new Date());
  await scene.publish();
  return added;
}

function deviceOf(limits = {}, name = 'device') {
  const transport = new HttpTransport({ url });
  const root = join(folder, 'metadata/1.root.json');
  const trusted = new TrustedMetadata(join(scene.folder, name, 'trusted.json'), root, () => undefined);
  const releases = new Releases(transport, trusted, { ...LIMITS, ...limits });
  const store = join(scene.folder, name, 'blobs');
  const blobs = new BlobStore(store, { ...LIMITS, quotaBytes: 2 ** 30, reserveBytes: 0, ...limits });
  return {
    find: (path: string | null = null) => releases.find(DEVICE, { release: path, channel: 'stable' }, signal),
    fetch: (blob: BlobInfo) => blobs.fetch([blob], transport, signal, () => undefined),
    stored: () => readdir(store).catch(() => []),
  };
}

const metadata = (name: string) => readFile(join(folder, 'metadata', name));
const refused = (why: RegExp | string) => ({ code: 'UPDATE_REFUSED', message: expect.stringMatching(why) });
const endless = (sent: { bytes: number }) => (response: ServerResponse) => {
  const chunk = Buffer.alloc(65_536, ' ');
  const more = () => {
    while (!response.destroyed && response.write(chunk)) sent.bytes += chunk.length;
  };
  response.on('drain', more);
  more();
};

describe('arbitrary software', () => {
  it('that nobody signed is not taken: a changed document, metadata, or blob', async () => {
    const { path, release: made } = await release();
    const [targets] = Object.entries(JSON.parse((await metadata('1.targets.json')).toString()).signed.targets) as [
      [string, { hashes: { sha256: string } }],
    ];
    const digest = (
      JSON.parse((await metadata('1.targets.json')).toString()).signed.targets[path] as (typeof targets)[1]
    ).hashes.sha256;
    const file = `targets/releases/_/${digest}.tiny-1.json`;
    const evil = Buffer.from((await readFile(join(folder, file))).toString().replace('"tiny"', '"evil"'));
    instead.set(file, evil);
    await expect(deviceOf().find()).rejects.toMatchObject(refused('not trusted'));
    instead.clear();
    for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json']) {
      const text = (await metadata(name)).toString();
      instead.set(`metadata/${name}`, Buffer.from(text.replace(/"version": 1/, '"version": 2')));
      // Each a device that has seen nothing yet: what was verified once is not asked for again.
      await expect(deviceOf({}, name).find(), name).rejects.toMatchObject(refused('not trusted'));
      instead.clear();
    }
    const blob = made.files['model.onnx'] as BlobInfo;
    instead.set(`blobs/${blob.sha256}`, Buffer.alloc(blob.sizeBytes, 7));
    const device = deviceOf();
    await expect(device.fetch(blob)).rejects.toMatchObject(refused('not what was signed'));
    expect(await device.stored()).toEqual([]);
    instead.clear();
    await device.fetch(blob);
    expect(await device.stored()).toEqual([blob.sha256]);
  });

  it("under a root of the attacker's own is not taken", async () => {
    await release();
    const other = await Scene.open();
    closers.push(() => other.close());
    await other.publish();
    const device = deviceOf();
    await device.find();
    instead.set(
      'metadata/2.root.json',
      await readFile(join(other.workspace.repository.folder, 'metadata/1.root.json')),
    );
    await expect(device.find()).rejects.toMatchObject(refused('not trusted'));
  });
});

describe('rollback', () => {
  it('to an older state that was once valid is refused', async () => {
    await release();
    const old = await metadata('timestamp.json');
    await release();
    const device = deviceOf();
    expect(await device.find()).toMatchObject({ path: 'releases/_/tiny-2.json' });
    instead.set('metadata/timestamp.json', old);
    await expect(device.find()).rejects.toMatchObject(refused('not trusted'));
    instead.clear();
    expect(await device.find()).toMatchObject({ path: 'releases/_/tiny-2.json' });
  });

  it('of targets behind a fresh snapshot, by whoever has stolen the keys of the publisher, is refused', async () => {
    await release();
    const before = join(scene.folder, 'before');
    await cp(scene.workspace.folder, before, { recursive: true });
    await release();
    const device = deviceOf();
    await device.find();
    // The thief publishes the old targets again and again, until timestamp and snapshot are newer than all.
    const stolen = new Thief(before);
    for (let i = 0; i < 4; i++) await stolen.publish();
    folder = join(before, 'repository');
    await expect(device.find()).rejects.toMatchObject(refused('not trusted'));
  });
});

describe('freeze', () => {
  it('at a state that has expired is noticed', async () => {
    await addBundle({
      workspace: scene.workspace,
      bundle: join(scene.folder, 'bundle'),
      name: 'tiny',
      scope: {},
      notes: '',
      now: new Date(),
    });
    await scene.publish(new Date(Date.now() - 8 * 86_400_000));
    await expect(deviceOf().find('releases/_/tiny-1.json')).rejects.toMatchObject(refused(/expired/i));
    await scene.publish();
    expect(await deviceOf().find('releases/_/tiny-1.json')).toBeDefined();
  });
});

describe('mix and match', () => {
  it('of metadata of different moments is refused', async () => {
    await release();
    const old = await metadata('1.targets.json');
    await release();
    instead.set('metadata/2.targets.json', old);
    await expect(deviceOf().find()).rejects.toMatchObject(refused('not trusted'));
  });
});

describe('endless data', () => {
  it('fill neither memory nor disk', async () => {
    const { release: made } = await release();
    const blob = made.files['model.onnx'] as BlobInfo;
    const device = deviceOf();
    const sent = { bytes: 0 };
    instead.set(`blobs/${blob.sha256}`, endless(sent));
    await expect(device.fetch(blob)).rejects.toMatchObject(refused('longer than'));
    const parts = await Promise.all(
      (await device.stored()).map((name) => stat(join(scene.folder, 'device/blobs', name))),
    );
    for (const { size } of parts) expect(size).toBeLessThanOrEqual(blob.sizeBytes);
    for (const name of ['timestamp.json', '2.root.json']) {
      instead.set(`metadata/${name}`, endless(sent));
      await expect(device.find(), name).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
      instead.delete(`metadata/${name}`);
    }
    expect(sent.bytes).toBeLessThan(64 * 2 ** 20);
  });
});

describe('slow retrieval', () => {
  it.each(['metadata/timestamp.json', 'blob'])('of %s ends, and is tried again later', async (what) => {
    const { release: made } = await release();
    const blob = made.files['model.onnx'] as BlobInfo;
    const path = what === 'blob' ? `blobs/${blob.sha256}` : what;
    const device = deviceOf({ minBytesPerSecond: 10_000, patienceMs: 300 });
    instead.set(path, (response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(what === 'blob' ? device.fetch(blob) : device.find()).rejects.toMatchObject({
      code: 'UPDATE_UNREACHABLE',
      message: expect.stringContaining('too slowly'),
    });
  });

  it('of a server that says nothing at all ends, too', async () => {
    await release();
    instead.set('metadata/timestamp.json', (response) => response.flushHeaders());
    await expect(deviceOf({ patienceMs: 300 }).find()).rejects.toMatchObject({ code: 'UPDATE_UNREACHABLE' });
  });
});

describe('wrong software', () => {
  it('that is signed for another line is not taken for this one, nor for all', async () => {
    await addScope(scene.workspace.folder, { site: 'plant1', line: 'line2' }, async () => PASSPHRASE, QUICK);
    await release();
    const other = await release({ site: 'plant1', line: 'line2' });
    // Whoever has line 2's key signs a release, and a channel, for all devices: their paths are not delegated to it.
    const role = JSON.parse((await metadata('2.plant1~line2.json')).toString());
    const entry = role.signed.targets[other.path];
    const thief = new Thief(scene.workspace.folder);
    await thief.resign('plant1~line2', 'plant1.line2', { [releasePath({}, { name: 'evil', version: 1 })]: entry });
    await expect(deviceOf().find('releases/_/evil-1.json')).rejects.toMatchObject(refused('nobody has signed'));
    expect(await deviceOf().find()).toMatchObject({ path: 'releases/_/tiny-1.json' });
  });

  it('that names files outside of the bundle is refused, whoever signed it', async () => {
    const { release: made } = await release();
    for (const path of ['../../../etc/cron.d/x', '/etc/passwd', 'a/../../b', 'a//b', '.ssh/x', 'a\\..\\b']) {
      const files = { ...made.files, [path]: { sha256: '0'.repeat(64), sizeBytes: 1 } };
      await scene.workspace.stage('releases/_/evil-1.json', { ...made, name: 'evil', files });
      await scene.publish();
      await expect(deviceOf().find('releases/_/evil-1.json'), path).rejects.toMatchObject(refused('no such document'));
    }
  });
});

describe('a stolen key', () => {
  it('of targets signs nothing any more once it was replaced', async () => {
    await release();
    const device = deviceOf();
    await device.find();
    const before = join(scene.folder, 'before');
    await cp(scene.workspace.folder, before, { recursive: true });
    await rotateKey(scene.workspace.folder, 'targets', async () => PASSPHRASE, QUICK);
    await scene.publish();
    await device.find();
    // The thief has all keys but the new one, and the new root, which everybody can read.
    await cp(join(folder, 'metadata/2.root.json'), join(before, 'repository/metadata/2.root.json'));
    const thief = new Thief(before);
    await thief.resign('targets', 'targets', {});
    folder = join(before, 'repository');
    await expect(device.find('releases/_/tiny-1.json')).rejects.toMatchObject(refused('not trusted'));
  });
});

/** Somebody who has a copy of a workspace with its keys, and signs what the rules forbid. */
class Thief {
  constructor(private readonly workspace: string) {}

  /** Publishes as the owner would. */
  async publish(): Promise<void> {
    const settings = await readSettings(this.workspace);
    const signers = new Signers(this.workspace, settings, async () => PASSPHRASE);
    await publish({ workspace: new Workspace(this.workspace), settings, signers, now: new Date() });
  }

  /** Puts targets into a role under its own key, then signs snapshot and timestamp over it. */
  async resign(role: string, key: string, targets: object): Promise<void> {
    const at = join(this.workspace, 'repository/metadata');
    const read = async (name: string) => JSON.parse(await readFile(join(at, name), 'utf8'));
    const seal = async (name: string, signed: object, by: string) => {
      const text = await readFile(join(this.workspace, `keys/${by}.key`), 'utf8');
      const opened = await openKey(text, PASSPHRASE, by);
      const keyid = await this.#keyId(by);
      const sig = sign(null, Buffer.from(canonicalize(signed)), opened).toString('hex');
      const bytes = Buffer.from(JSON.stringify({ signatures: [{ keyid, sig }], signed }));
      await writeFile(join(at, name), bytes);
      return { length: bytes.length, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } };
    };
    const timestamp = await read('timestamp.json');
    const snapshot = await read(`${timestamp.signed.meta['snapshot.json'].version}.snapshot.json`);
    const present = await read(`${snapshot.signed.meta[`${role}.json`].version}.${role}.json`);
    const version = present.signed.version + 5;
    const meta = await seal(
      `${version}.${role}.json`,
      { ...present.signed, version, targets: { ...present.signed.targets, ...targets } },
      key,
    );
    snapshot.signed.meta[`${role}.json`] = { version, ...meta };
    snapshot.signed.version += 5;
    const sealed = await seal(`${snapshot.signed.version}.snapshot.json`, snapshot.signed, 'snapshot');
    timestamp.signed.meta['snapshot.json'] = { version: snapshot.signed.version, ...sealed };
    timestamp.signed.version += 5;
    await seal('timestamp.json', timestamp.signed, 'timestamp');
  }

  async #keyId(name: string): Promise<string> {
    return tufKey((await readSettings(this.workspace)).keys[name]?.publicKey as string).keyID;
  }
}
