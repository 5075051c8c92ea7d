import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { topicsOf } from '@beltsight/sdk';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpTransport } from '../../device/src/update/source/http.js';
import { type Link, MqttTransport } from '../../device/src/update/source/mqtt.js';
import { Releases } from '../../device/src/update/source/releases.js';
import { NotThere, type Transport } from '../../device/src/update/source/transport.js';
import { TrustedMetadata } from '../../device/src/update/source/trusted.js';
import { type BlobInfo, BlobStore } from '../../device/src/update/store/blobs.js';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { addScope } from '../../trainer/src/release/init.js';
import { serveOverMqtt } from '../../trainer/src/release/mqtt-server.js';
import { PASSPHRASE, QUICK, Scene } from '../../trainer/src/release/testing.js';
import { startEmbeddedBroker } from '../support/embedded-broker.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';

const DEVICE = { site: 'plant1', line: 'line1', device: 'd1' };
const LIMITS = { minBytesPerSecond: 1, patienceMs: 60_000, maxBytesPerSecond: null };
const signal = new AbortController().signal;

let scene: Scene;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  scene = await Scene.open();
  await writeTinyBundle(join(scene.folder, 'bundle'));
  await release({});
  await scene.publish();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await scene.close();
});

async function release(scope: { site?: string; line?: string }) {
  const bundle = join(scene.folder, 'bundle');
  const added = await addBundle({
    workspace: scene.workspace,
    bundle,
    name: 'tiny',
    scope,
    notes: '',
    now: new Date(),
  });
  await promote(scene.workspace, scope, 'stable', added.path, new Date());
  return added;
}

/** What a device has: trusted metadata from the first root, and a store of blobs. */
function deviceOf(transport: Transport, limits = {}) {
  const root = join(scene.workspace.repository.folder, 'metadata/1.root.json');
  const warnings: string[] = [];
  const trusted = new TrustedMetadata(join(scene.folder, 'device/trusted.json'), root, (line) => warnings.push(line));
  const releases = new Releases(transport, trusted, { ...LIMITS, ...limits });
  const blobs = new BlobStore(join(scene.folder, 'device/blobs'), {
    ...LIMITS,
    quotaBytes: 2 ** 30,
    reserveBytes: 0,
    ...limits,
  });
  const find = (path: string | null = null) => releases.find(DEVICE, { release: path, channel: 'stable' }, signal);
  return { releases, blobs, find, warnings };
}

async function overHttp(): Promise<Transport> {
  return new HttpTransport({ url: await scene.serve() });
}

async function overMqtt(): Promise<Transport> {
  const { url, close } = await startEmbeddedBroker();
  const { folder } = scene.workspace.repository;
  const responder = await serveOverMqtt({ folder, url, log: () => undefined });
  const client = await mqtt.connectAsync(url);
  closers.push(close, responder.close, () => client.endAsync(true));
  const listeners = new Map<string, Parameters<Link['subscribe']>[1]>();
  client.on('message', (topic, _, packet) => listeners.get(topic)?.(packet));
  await client.subscribeAsync(topicsOf(DEVICE).updatePiece, { qos: 1 });
  const link: Link = {
    subscribe: (topic, listener) => void listeners.set(topic, listener),
    say: (topic, payload, options) => void client.publish(topic, payload, options),
  };
  // Pieces smaller than any file, so that all take several.
  return new MqttTransport(link, topicsOf(DEVICE), { pieceBytes: 100, timeoutMs: 20_000 });
}

describe.each([
  ['HTTP', overHttp],
  ['MQTT', overMqtt],
])('a repository over %s', (_, open) => {
  it('gives a release and all its blobs, each once', async () => {
    const transport = await open();
    const { find, blobs } = deviceOf(transport);
    const found = await find();
    expect(found).toMatchObject({ path: 'releases/_/tiny-1.json', release: { name: 'tiny', version: 1 } });
    const wanted = Object.values(found?.release.files ?? {});
    const seen: [number, number][] = [];
    await blobs.fetch(wanted, transport, signal, (bytes, total) => seen.push([bytes, total]));
    const total = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(seen.at(-1)).toEqual([total, total]);
    for (const blob of wanted) {
      const there = await readFile(blobs.path(blob));
      expect(there.equals(await readFile(join(scene.workspace.repository.folder, 'blobs', blob.sha256)))).toBe(true);
    }
    await blobs.fetch(wanted, transport, signal, () => expect.unreachable());
  });

  it('goes on in the middle of a blob, and says what it lacks', async () => {
    const transport = await open();
    const { find, blobs } = deviceOf(transport);
    const [blob] = Object.values((await find())?.release.files ?? {}) as [BlobInfo];
    await expect(collect(transport.read('blobs/nothing', 0, signal))).rejects.toBeInstanceOf(NotThere);
    const whole = await readFile(join(scene.workspace.repository.folder, 'blobs', blob.sha256));
    expect(await collect(transport.read(`blobs/${blob.sha256}`, 123, signal))).toEqual(whole.subarray(123));
    expect(await collect(transport.read(`blobs/${blob.sha256}`, whole.length, signal))).toHaveLength(0);
    await blobs.fetch([blob], cutAfter(transport, 50), signal, () => undefined).catch(() => undefined);
    expect((await stat(`${blobs.path(blob)}.part`)).size).toBe(50);
    const first: number[] = [];
    await blobs.fetch([blob], transport, signal, (bytes) => first.push(bytes));
    expect(first[0]).toBe(50);
    expect(await readFile(blobs.path(blob))).toEqual(whole);
  });

  it('gives a line what is its own before what is for all', async () => {
    const transport = await open();
    await addScope(scene.workspace.folder, { site: 'plant1', line: 'line1' }, async () => PASSPHRASE, QUICK);
    await addScope(scene.workspace.folder, { site: 'plant1', line: 'line2' }, async () => PASSPHRASE, QUICK);
    await release({ site: 'plant1', line: 'line1' });
    await release({ site: 'plant1', line: 'line2' });
    await scene.publish();
    const { find } = deviceOf(transport);
    expect(await find()).toMatchObject({ path: 'releases/plant1/line1/tiny-1.json' });
    expect(await find('releases/_/tiny-1.json')).toMatchObject({ path: 'releases/_/tiny-1.json' });
  });
});

describe('over MQTT alone', () => {
  it("gives no other line's releases", async () => {
    const transport = await overMqtt();
    await addScope(scene.workspace.folder, { site: 'plant1', line: 'line2' }, async () => PASSPHRASE, QUICK);
    await release({ site: 'plant1', line: 'line2' });
    await scene.publish();
    await expect(collect(transport.read('metadata/1.plant1~line2.json', 0, signal))).rejects.toBeInstanceOf(NotThere);
    await expect(collect(transport.read('metadata/../../release.yaml', 0, signal))).rejects.toThrow();
  });

  it('gives up, saying what to do, when nobody answers', async () => {
    const link: Link = { subscribe: () => undefined, say: () => undefined };
    const transport = new MqttTransport(link, topicsOf(DEVICE), { timeoutMs: 5, attempts: 2 });
    await expect(deviceOf(transport).find()).rejects.toMatchObject({
      code: 'UPDATE_UNREACHABLE',
      message: expect.stringContaining('beltsight release serve --mqtt'),
    });
  });
});

describe('what a device keeps', () => {
  it('starts again from the installed root when its trusted metadata are damaged', async () => {
    const { find, warnings } = deviceOf(await overHttp());
    await find();
    await writeFile(join(scene.folder, 'device/trusted.json'), '{"schema":"beltsight.trus');
    expect(await find()).toMatchObject({ path: 'releases/_/tiny-1.json' });
    expect(warnings).toEqual([expect.stringContaining('is damaged')]);
  });

  it('is bounded by quota and free space, which are asked for before the first byte', async () => {
    const transport = await overHttp();
    const blob = { sha256: '0'.repeat(64), sizeBytes: 2000 };
    const small = deviceOf(transport, { quotaBytes: 1999 });
    await expect(small.blobs.fetch([blob], transport, signal, () => undefined)).rejects.toThrow('quota');
    const full = deviceOf(transport, { reserveBytes: Number.MAX_SAFE_INTEGER });
    await expect(full.blobs.fetch([blob], transport, signal, () => undefined)).rejects.toThrow('free some space');
  });

  it('is thrown away but for what is still needed', async () => {
    const transport = await overHttp();
    const { find, blobs } = deviceOf(transport);
    const [keep, ...others] = Object.values((await find())?.release.files ?? {}) as [BlobInfo, ...BlobInfo[]];
    await blobs.fetch([keep, ...others], transport, signal, () => undefined);
    await blobs.keepOnly(new Set([keep.sha256]));
    expect(await blobs.has(keep)).toBe(true);
    for (const blob of others) expect(await blobs.has(blob)).toBe(false);
  });
});

describe('a web server', () => {
  it('without ranges gives a blob that was begun from its beginning, and what comes again counts as coming', async () => {
    const content = Buffer.from('0123456789'.repeat(30));
    const blob = { sha256: createHash('sha256').update(content).digest('hex'), sizeBytes: content.length };
    let more = () => undefined as unknown;
    const arrived = new Promise((resolve) => {
      more = () => resolve(undefined);
    });
    const server = createServer(async (_, response) => {
      response.write(content.subarray(0, 100));
      // The rest comes once the device has taken note of these.
      await arrived;
      response.end(content.subarray(100));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const transport = new HttpTransport({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const { blobs } = deviceOf(transport, { patienceMs: 10_000 });
    await blobs.fetch([blob], cutAfter(transport, 100), signal, () => undefined).catch(() => undefined);
    const seen: number[] = [];
    await blobs.fetch([blob], transport, signal, (bytes) => {
      seen.push(bytes);
      if (seen.length > 2) more();
    });
    expect(seen.slice(0, 3)).toEqual([100, 0, 100]);
    expect(await readFile(blobs.path(blob))).toEqual(content);
  });

  it('that is not there is named, with what to look at', async () => {
    const transport = new HttpTransport({ url: 'http://127.0.0.1:1/repository' });
    await expect(deviceOf(transport).find()).rejects.toMatchObject({
      code: 'UPDATE_UNREACHABLE',
      message: expect.stringMatching(/127\.0\.0\.1:1\/repository.*check update\.url/),
    });
  });
});

/** Another transport that ends in the middle. */
function cutAfter(transport: Transport, bytes: number): Transport {
  return {
    name: transport.name,
    close: () => transport.close(),
    async *read(path, offset, stop) {
      let left = bytes;
      for await (const chunk of transport.read(path, offset, stop)) {
        yield chunk.subarray(0, left);
        left -= Math.min(left, chunk.length);
        if (left === 0) throw new Error('the cable was pulled');
      }
    },
  };
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
