import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InspectionClient, type ResultMessage, type StatusMessage } from '@beltsight/sdk';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startMosquitto } from '../support/mosquitto.js';
import { freePort, remotesOf, startDevice } from '../support/processes.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-device-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  for (const [name, pixels] of [
    ['good.png', tinyImage('red')],
    ['bad.png', tinyImage('blue', 255)],
  ] as const) {
    await sharp(pixels, { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(
      join(folder, 'images', name),
    );
  }
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function configure(url: string, source = 'rateHz: 20, loop: true', camera = 'frames: true') {
  const file = join(folder, 'device.yaml');
  await writeFile(
    file,
    `{ site: s, line: l, device: d, bundle: bundle, broker: { url: "${url}" }, statusSeconds: 0.5,
       cameras: [{ name: belt, source: { type: folder, path: images, ${source} }, ${camera} }] }`,
  );
  return file;
}

async function broker(lines: readonly string[] = [], port?: number) {
  const mosquitto = await startMosquitto({ lines, port });
  closers.push(() => mosquitto.stop());
  return mosquitto;
}

async function listen(url: string) {
  const client = await InspectionClient.connect(url);
  closers.push(() => client.close());
  const seen = { results: [] as ResultMessage[], statuses: [] as StatusMessage[], frames: 0, invalid: [] as unknown[] };
  client.on('result', (message) => seen.results.push(message));
  client.on('status', (message) => seen.statuses.push(message));
  client.on('frame', () => seen.frames++);
  client.on('invalid', (message) => seen.invalid.push(message));
  return seen;
}

function device(...args: string[]) {
  const running = startDevice(...args);
  closers.push(async () => {
    running.process.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 20_000, interval: 50 });

describe('the device process on a broker that speaks MQTT 5', () => {
  it("inspects, opens no connection but the broker's, and ends in good order on SIGTERM", async () => {
    const { url, port } = await broker();
    const seen = await listen(url);
    const running = device('run', '--config', await configure(url));
    const remotes = new Set<string>();
    const watch = setInterval(() => {
      for (const remote of remotesOf(running.process.pid as number)) remotes.add(remote);
    }, 20);
    await until(() => expect(seen.results.length).toBeGreaterThan(60));
    clearInterval(watch);
    const brokers = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    expect([...remotes]).toEqual([brokers]);
    running.process.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    await until(() => expect(seen.statuses.at(-1)?.state).toBe('offline'));
    expect(seen.invalid).toEqual([]);
    expect(new Set(seen.results.map(({ verdict }) => verdict))).toEqual(new Set(['pass', 'reject']));
    expect(seen.frames).toBeGreaterThan(30);
    for (const line of running.output().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  });

  it('is reported offline by its last will when it is killed', async () => {
    const { url } = await broker();
    const seen = await listen(url);
    const running = device('run', '--config', await configure(url));
    await until(() => expect(seen.results.length).toBeGreaterThan(3));
    running.process.kill('SIGKILL');
    await until(() => expect(seen.statuses.at(-1)?.state).toBe('offline'));
  });

  it('loses no result while the broker restarts', async () => {
    const first = await broker();
    await listen(first.url);
    const running = device('run', '--config', await configure(first.url, 'rateHz: 20, loop: true', 'heatmaps: none'));
    await sleep(2500);
    for (const close of closers.splice(0, 1)) await close();
    await sleep(1000);
    await broker([], first.port);
    const seen = await listen(first.url);
    await until(() => expect(seen.results.length).toBeGreaterThan(20));
    const numbers = seen.results.map(({ frame }) => frame.sequence);
    const dropped = seen.statuses.at(-1)?.cameras?.[0]?.dropped ?? 0;
    // In order, and but for frames that a newer one overtook without a gap.
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const gaps = numbers.slice(1).filter((n, i) => n !== (numbers[i] as number) + 1).length;
    expect(gaps).toBeLessThanOrEqual(dropped);
    running.process.kill('SIGTERM');
    expect(await running.ended).toBe(0);
  });

  it('keeps to the packet size and receive maximum of the broker', async () => {
    await mkdir(join(folder, 'noisy'), { recursive: true });
    const noise = Uint8Array.from({ length: 300 * 300 * 3 }, (_, i) => (i * 7919) % 251);
    for (let i = 0; i < 8; i++) {
      await sharp(noise, { raw: { width: 300, height: 300, channels: 3 } }).toFile(join(folder, 'noisy', `${i}.png`));
    }
    const { url } = await broker(['max_packet_size 5000', 'max_inflight_messages 2']);
    const seen = await listen(url);
    const file = await configure(url, 'loop: false', 'frames: true, heatmaps: all');
    await writeFile(file, (await readFile(file, 'utf8')).replace('path: images', 'path: noisy'));
    const running = device('run', '--config', file);
    expect(await running.ended).toBe(0);
    await until(() => expect(seen.results).toHaveLength(8));
    expect(seen.frames).toBe(0);
    expect(running.output()).toMatch(/larger than the broker takes \(5000\)/);
  });
});

describe('the device command', () => {
  it('names a typo in the configuration and ends with status 1', async () => {
    const file = await configure('mqtt://127.0.0.1:1', 'rateHz: 20, lop: true');
    const running = device('run', '--config', file);
    expect(await running.ended).toBe(1);
    expect(running.output()).toMatch(
      /CONFIG_INVALID.*device\.yaml[\s\S]*"cameras\.0\.source\.lop"; did you mean "loop"/,
    );
  });

  it('checks everything without starting on --dry-run', async () => {
    const running = device('run', '--dry-run', '--config', await configure(`mqtt://127.0.0.1:${await freePort()}`));
    expect(await running.ended).toBe(1);
    expect(running.output()).toMatch(/ok {5}bundle[\s\S]*ok {5}camera belt[\s\S]*FAULT {2}broker.*ECONNREFUSED/);
  });
});
