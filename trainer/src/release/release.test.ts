import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleParts } from '@beltsight/sdk/bundle';
import { blobPath, type Release } from '@beltsight/sdk/release';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { addBundle, promote, revoke } from './bundles.js';
import { addScope, rotateKey } from './init.js';
import { openKey } from './key-file.js';
import { readSettings, writeSettings } from './settings.js';
import { releaseStatus } from './status.js';
import { PASSPHRASE, QUICK, Scene } from './testing.js';

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
  await writeTinyBundle(join(scene.folder, 'bundle'));
});
afterEach(() => scene.close());

const now = () => new Date();
const everywhere = {};
const add = (scope = everywhere, bundle = 'bundle', name = 'tiny') =>
  addBundle({ workspace: scene.workspace, bundle: join(scene.folder, bundle), name, scope, notes: '', now: now() });
/** Passphrases of all keys but one. */
const without = (missing: string) => async (key: string) => (key === missing ? undefined : PASSPHRASE);
const day = (number: number) => new Date(Date.now() + number * 86_400_000);
/** The day on which a role's metadata, as they are served, expire. */
const expiryOf = async (role: string) =>
  JSON.parse(
    await readFile(join(scene.workspace.repository.folder, `metadata/${role}.json`), 'utf8'),
  ).signed.expires.slice(0, 10);
/** The same model with other thresholds. */
const recalibrated = (parts: BundleParts): BundleParts => ({
  ...parts,
  classes: parts.classes.map((each) => ({ ...each, threshold: 0.3 })),
});

describe('a release', () => {
  it('is found by a client through its channel, whole', async () => {
    const { path } = await add();
    await promote(scene.workspace, everywhere, 'stable', path, now());
    expect(await scene.publish()).toEqual({ root: 1, targets: 1, snapshot: 1, timestamp: 1 });
    const url = await scene.serve();
    const client = await scene.client(url);
    expect(await client.target('channels/_/stable.json')).toMatchObject({ release: 'releases/_/tiny-1.json' });
    const release = (await client.target(path)) as Release;
    for (const [file, { sha256, sizeBytes }] of Object.entries(release.files)) {
      const blob = Buffer.from(await (await fetch(`${url}/${blobPath(sha256)}`)).arrayBuffer());
      expect([file, blob.length, createHash('sha256').update(blob).digest('hex')]).toEqual([file, sizeBytes, sha256]);
    }
  });

  it('adds only what changed, under the next version', async () => {
    const first = await add();
    expect(first.newBytes).toBe(first.totalBytes);
    await scene.publish();
    await writeTinyBundle(join(scene.folder, 'second'), recalibrated);
    const second = await add(everywhere, 'second');
    expect(second.path).toBe('releases/_/tiny-2.json');
    const manifest = second.release.files['bundle.json'];
    expect(second.newBytes).toBe(manifest?.sizeBytes);
  });

  it('is taken back: no client finds it, its channel names none, its version is not given again', async () => {
    const { path } = await add();
    await promote(scene.workspace, everywhere, 'stable', path, now());
    await scene.publish();
    const client = await scene.client(await scene.serve());
    expect(await client.target(path)).toBeDefined();
    expect(await revoke(scene.workspace, path, now())).toEqual(['channels/_/stable.json']);
    await scene.publish();
    expect(await client.target(path)).toBeUndefined();
    expect(await client.target('channels/_/stable.json')).toMatchObject({ release: null });
    expect((await add()).path).toBe('releases/_/tiny-2.json');
    await expect(revoke(scene.workspace, path, now())).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  });

  it('of a damaged bundle is not made', async () => {
    await writeFile(join(scene.folder, 'bundle/model.onnx'), 'x');
    await expect(add()).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    expect((await scene.workspace.staged()).size).toBe(0);
  });

  it('that does not exist cannot be promoted', async () => {
    await expect(promote(scene.workspace, everywhere, 'stable', 'releases/_/no-1.json', now())).rejects.toThrow(
      'There is no',
    );
  });
});

describe('publishing', () => {
  it('signs only what changed or expires soon', async () => {
    await add();
    await scene.publish();
    expect(await scene.publish()).toEqual({ root: 1, targets: 1, snapshot: 2, timestamp: 2 });
    const later = new Date(Date.now() + 150 * 86_400_000);
    expect((await releaseStatus(scene.workspace, later)).roles).toContainEqual(
      expect.objectContaining({ role: 'timestamp', expired: true }),
    );
    expect(await scene.publish(later)).toEqual({ root: 1, targets: 2, snapshot: 3, timestamp: 3 });
  });

  it('leaves everything as it was when a key is missing, and says which', async () => {
    const { path } = await add();
    await scene.publish();
    const client = await scene.client(await scene.serve());
    await revoke(scene.workspace, path, now());
    for (const key of ['targets', 'snapshot', 'timestamp']) {
      await expect(scene.publish(now(), without(key))).rejects.toMatchObject({
        code: 'RELEASE_UNSIGNED',
        message: expect.stringContaining(`Role ${key} needs more signatures: missing are those of ${key}`),
      });
      expect(await client.target(path)).toBeDefined();
    }
    await scene.publish();
    expect(await client.target(path)).toBeUndefined();
  });

  it.each(['root', 'targets', 'plant1.line1'])(
    'goes on while key %s is kept elsewhere, until its role expires',
    async (key) => {
      await addScope(scene.workspace.folder, { site: 'plant1', line: 'line1' }, async () => PASSPHRASE, QUICK);
      const days = key === 'root' ? 365 : 180;
      await scene.publish();
      // Shortly before it expires, far into the time in which it is due. The others are at hand.
      expect(await scene.publish(day(days - 5), without(key))).toMatchObject({ snapshot: 2, timestamp: 2 });
      const role = key.replace('.', '~');
      expect(await expiryOf('timestamp')).toBe(
        day(days - 5 + 7)
          .toISOString()
          .slice(0, 10),
      );
      expect(scene.warnings).toEqual([
        expect.stringMatching(`^Role ${role} is due, and was not renewed: from .* missing are those of ${key} `),
      ]);
      const expired = scene.publish(day(days + 1), without(key));
      await expect(expired).rejects.toThrow(`missing are those of ${key}`);
      expect(await scene.publish(day(days + 1))).toMatchObject({ [role]: 2 });
    },
  );

  it('goes on while a token that signs is not plugged in', async () => {
    await scene.publish();
    const { folder } = scene.workspace;
    const settings = await readSettings(folder);
    const { publicKey } = settings.keys.targets as { publicKey: string };
    await writeSettings(folder, {
      ...settings,
      keys: { ...settings.keys, targets: { publicKey, command: ['/no/such/token'] } },
    });
    expect(await scene.publish(day(150))).toMatchObject({ targets: 1, timestamp: 2 });
    expect(scene.warnings).toEqual([expect.stringContaining('Role targets is due')]);
  });

  it('renews what is published, and says so, where something new lacks a signature', async () => {
    const { path } = await add();
    await scene.publish();
    const client = await scene.client(await scene.serve());
    await revoke(scene.workspace, path, now());
    const publishing = scene.publish(day(6), without('targets'));
    await expect(publishing).rejects.toMatchObject({ code: 'RELEASE_UNSIGNED' });
    expect(scene.warnings).toEqual([expect.stringContaining('Snapshot and timestamp were renewed')]);
    expect(await expiryOf('timestamp')).toBe(day(13).toISOString().slice(0, 10));
    expect(await client.target(path)).toBeDefined();
    expect((await releaseStatus(scene.workspace, now())).revoked).toEqual([path]);
    // Without their keys there is nothing to be renewed with.
    await expect(scene.publish(day(7), async () => undefined)).rejects.toMatchObject({ code: 'RELEASE_UNSIGNED' });
    expect(scene.warnings.at(-1)).toContain('not renewed either');
    expect(await scene.publish()).toMatchObject({ targets: 2, snapshot: 3, timestamp: 3 });
    expect(await client.target(path)).toBeUndefined();
  });

  it('writes nothing where somebody else has published while it signed', async () => {
    await scene.publish();
    const { path } = await add();
    let others = 0;
    const slowly = async (key: string) => {
      if (key === 'timestamp' && others++ === 0) await scene.publish();
      return PASSPHRASE;
    };
    const metadata = join(scene.workspace.repository.folder, 'metadata');
    await expect(scene.publish(now(), slowly)).rejects.toMatchObject({
      code: 'COMMAND_BUSY',
      message: expect.stringContaining('publish again'),
    });
    const client = await scene.client(await scene.serve());
    expect(await client.target(path)).toBeDefined();
    expect(await readdir(metadata)).not.toContain('3.snapshot.json');
    expect(await scene.publish()).toMatchObject({ snapshot: 3, timestamp: 3 });
  });

  it('refuses a wrong passphrase, and a key that is not the one of the settings', async () => {
    await expect(scene.publish(now(), async () => 'wrong')).rejects.toMatchObject({ code: 'KEY_INVALID' });
    const { folder } = scene.workspace;
    await cp(join(folder, 'keys/root.key'), join(folder, 'keys/targets.key'));
    await expect(scene.publish()).rejects.toThrow('Key "targets" does not fit its public key');
  });

  it('says what is damaged in a repository', async () => {
    await scene.publish();
    await writeFile(join(scene.workspace.repository.folder, 'metadata/1.snapshot.json'), '{');
    await expect(scene.publish()).rejects.toMatchObject({
      code: 'RELEASE_INVALID',
      message: expect.stringContaining('1.snapshot.json is missing or damaged'),
    });
  });

  it('signs by a command, as hardware tokens do, and refuses one that signs wrong', async () => {
    const { folder } = scene.workspace;
    const settings = await readSettings(folder);
    const targets = settings.keys.targets as { publicKey: string; file: string };
    const pem = (await openKey(await readFile(join(folder, targets.file), 'utf8'), PASSPHRASE, 'targets')).export({
      type: 'pkcs8',
      format: 'pem',
    });
    await writeFile(join(folder, 'token.pem'), pem);
    const program = (sign: string) =>
      `const { readFileSync } = require('node:fs'); const crypto = require('node:crypto'); ${sign}`;
    const command = (sign: string) => [process.execPath, '-e', program(sign), join(folder, 'token.pem')];
    const use = async (sign: string) => {
      const keys = { ...settings.keys, targets: { publicKey: targets.publicKey, command: command(sign) } };
      await writeSettings(folder, { ...settings, keys });
    };
    await use('process.stdout.write(Buffer.alloc(64))');
    await expect(scene.publish()).rejects.toThrow('does not fit its public key');
    await use('console.log("no token"); process.exit(3)');
    await expect(scene.publish()).rejects.toMatchObject({ code: 'KEY_INVALID' });
    await use('console.log(crypto.sign(null, readFileSync(0), readFileSync(process.argv[1])).toString("hex"))');
    expect(await scene.publish()).toMatchObject({ targets: 1 });
  });
});

describe('a site or line of its own', () => {
  it('is signed for by its own key, and by no other', async () => {
    const line = { site: 'plant1', line: 'line1' };
    await addScope(scene.workspace.folder, line, async () => PASSPHRASE, QUICK);
    const { path } = await add(line);
    expect(path).toBe('releases/plant1/line1/tiny-1.json');
    await expect(scene.publish(now(), without('plant1.line1'))).rejects.toThrow(
      'Role plant1~line1 needs more signatures',
    );
    expect(await scene.publish()).toMatchObject({ 'plant1~line1': 1 });
    const client = await scene.client(await scene.serve());
    expect(await client.target(path)).toMatchObject({ name: 'tiny' });
    await expect(addScope(scene.workspace.folder, line, async () => PASSPHRASE, QUICK)).rejects.toThrow('has its keys');
  });

  it('may go and come back: devices lose sight of its releases, follow all else, and find them again', async () => {
    const { folder } = scene.workspace;
    const line = { site: 'plant1', line: 'line1' };
    await addScope(folder, line, async () => PASSPHRASE, QUICK);
    const scoped = await readSettings(folder);
    const own = (await add(line)).path;
    await scene.publish();
    const second = (await add(line)).path;
    expect(await scene.publish()).toMatchObject({ 'plant1~line1': 2 });
    const client = await scene.client(await scene.serve());
    expect(await client.target(own)).toBeDefined();

    await writeSettings(folder, { ...scoped, scopes: [] });
    const common = (await add()).path;
    for (const snapshot of [3, 4]) {
      expect(await scene.publish()).toEqual({ root: 1, targets: 2, snapshot, timestamp: snapshot });
      expect(await client.target(own)).toBeUndefined();
      expect(await client.target(common)).toBeDefined();
    }
    const { roles, releases } = await releaseStatus(scene.workspace, now());
    expect(roles.map(({ role }) => role)).toEqual(['root', 'targets', 'snapshot', 'timestamp']);
    expect(releases.map(({ path }) => path)).toEqual([common]);

    await writeSettings(folder, scoped);
    expect((await add(line)).path).toBe('releases/plant1/line1/tiny-3.json');
    expect(await scene.publish()).toMatchObject({ 'plant1~line1': 3 });
    for (const path of [own, second, common]) expect(await client.target(path)).toBeDefined();
  });
});

describe('keys', () => {
  const rotate = (key: string) => rotateKey(scene.workspace.folder, key, async () => PASSPHRASE, QUICK);

  it.each(['root', 'targets', 'snapshot', 'timestamp'])('of %s are replaced, and clients follow', async (role) => {
    const { path } = await add();
    await scene.publish();
    const url = await scene.serve();
    const client = await scene.client(url);
    expect(await client.target(path)).toBeDefined();
    expect(await rotate(role)).toBe(`${role}_2`);
    expect(await scene.publish()).toMatchObject({ root: 2 });
    expect(await client.target(path)).toBeDefined();
    expect(await (await scene.client(url, 'newcomer')).target(path)).toBeDefined();
  });

  it('are not replaced before all signatures are there, and that of the root is kept until then', async () => {
    const { path } = await add();
    await scene.publish();
    const client = await scene.client(await scene.serve());
    await rotate('targets');
    // That of snapshots is renewed meanwhile.
    const metadata = async () =>
      (await readdir(join(scene.workspace.repository.folder, 'metadata'))).filter((name) => !name.includes('snapshot'));
    const before = await metadata();
    for (const key of ['targets_2', 'snapshot', 'timestamp']) {
      await expect(scene.publish(now(), without(key))).rejects.toThrow(`missing are those of ${key}`);
      expect(await metadata()).toEqual(before);
      expect(await client.target(path)).toBeDefined();
    }
    expect(await scene.publish(now(), without('root'))).toMatchObject({ root: 2, targets: 2 });
    expect(await client.target(path)).toBeDefined();
    expect(await readdir(join(scene.workspace.folder, 'staged'))).not.toContain('root.json');
  });

  it('that were replaced are trusted no more', async () => {
    const { path } = await add();
    await scene.publish();
    const client = await scene.client(await scene.serve());
    const { folder } = scene.workspace.repository;
    const stolen = join(scene.folder, 'stolen');
    await cp(scene.workspace.folder, stolen, { recursive: true });
    await rotate('timestamp');
    await scene.publish();
    await client.target(path);
    // Whoever has the old key signs a timestamp with a higher version.
    const timestamp = JSON.parse(await readFile(join(stolen, 'repository/metadata/timestamp.json'), 'utf8'));
    await writeFile(join(folder, 'metadata/timestamp.json'), JSON.stringify(timestamp));
    await expect(client.target(path)).rejects.toThrow(/timestamp/);
  });

  it('of a root with a threshold sign one after the other, on different machines', async () => {
    await scene.publish();
    const { folder } = scene.workspace;
    const second = await rotate('root');
    const settings = await readSettings(folder);
    const roles = { ...settings.roles, root: { ...settings.roles.root, keys: ['root', second], threshold: 2 } };
    await writeSettings(folder, { ...settings, roles });
    const only = (mine: string) => async (key: string) =>
      key === mine || !key.startsWith('root') ? PASSPHRASE : undefined;
    await expect(scene.publish(now(), only('root'))).rejects.toThrow(`missing are those of ${second}`);
    expect(await scene.publish(now(), only(second))).toMatchObject({ root: 2 });
    const url = await scene.serve();
    expect(await (await scene.client(url)).target('no')).toBeUndefined();
  });

  it('are files that their passphrase alone opens', async () => {
    const file = await readFile(join(scene.workspace.folder, 'keys/root.key'), 'utf8');
    expect(file).toContain('BEGIN AGE ENCRYPTED FILE');
    await expect(openKey(file, 'guess', 'root.key')).rejects.toMatchObject({ code: 'KEY_INVALID' });
    await expect(openKey('nonsense', PASSPHRASE, 'root.key')).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });
});

describe('status', () => {
  it('names the keys to be brought while roles are due, not earlier', async () => {
    await scene.publish();
    await rm(join(scene.workspace.folder, 'keys/root.key'));
    const warnings: string[] = [];
    const rootAt = async (at: Date) =>
      (await releaseStatus(scene.workspace, at, (line) => warnings.push(line))).roles.find(
        ({ role }) => role === 'root',
      );
    expect(await rootAt(day(1))).toMatchObject({ due: false, absent: [] });
    expect(await rootAt(day(300))).toMatchObject({ due: true, expired: false, absent: ['root'] });
    expect(warnings).toEqual([expect.stringMatching(/^Role root expires .* Bring key root here/)]);
  });

  it('names what is staged, missing and revoked', async () => {
    const { path, release } = await add();
    expect((await releaseStatus(scene.workspace, now())).releases).toMatchObject([
      { path, published: false, missing: 0 },
    ]);
    await scene.publish();
    await rm(join(scene.workspace.repository.folder, blobPath(release.files['model.onnx']?.sha256 as string)));
    await revoke(scene.workspace, path, now());
    const status = await releaseStatus(scene.workspace, now());
    expect(status.revoked).toEqual([path]);
    await scene.workspace.unstage([path]);
    expect((await releaseStatus(scene.workspace, now())).releases).toMatchObject([
      { path, published: true, missing: 1 },
    ]);
  });
});
