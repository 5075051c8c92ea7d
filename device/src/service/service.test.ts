import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InspectionClient, type ResultMessage, type StatusMessage } from '@beltsight/sdk';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { deviceConfigSchema } from '../config/schema.js';
import { atMost } from '../pause.js';
import { Publisher } from '../publish/publisher.js';
import { dryRun } from './dry-run.js';
import { DeviceService } from './service.js';

let folder: string;
let modelId: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-service-'));
  modelId = await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  const save = (name: string, pixels: Uint8Array) =>
    sharp(pixels, { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(join(folder, 'images', name));
  await save('1-red-good.png', tinyImage('red'));
  await save('2-blue-bad.png', tinyImage('blue', 255));
  await save('3-blue-good.png', tinyImage('blue'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const logger = pino({ level: 'silent' });
const configOf = (port: number, source = {}, camera = {}, rest = {}) =>
  deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: join(folder, 'bundle'),
    state: join(folder, 'state'),
    broker: { url: `mqtt://127.0.0.1:${port}` },
    cameras: [{ name: 'belt', source: { type: 'folder', path: join(folder, 'images'), ...source }, ...camera }],
    statusSeconds: 0.2,
    ...rest,
  });

async function startBroker(port = 0) {
  const broker = await startEmbeddedBroker(port);
  closers.push(broker.close);
  return broker.port;
}

async function listen(port: number) {
  const client = await InspectionClient.connect(`mqtt://127.0.0.1:${port}`);
  closers.push(() => client.close());
  const seen = {
    results: [] as ResultMessage[],
    statuses: [] as StatusMessage[],
    heatmaps: [] as string[],
    frames: [] as string[],
    invalid: [] as unknown[],
  };
  client.on('result', (message) => seen.results.push(message));
  client.on('status', (message) => seen.statuses.push(message));
  client.on('heatmap', ({ id }) => seen.heatmaps.push(id));
  client.on('frame', ({ id }) => seen.frames.push(id));
  client.on('invalid', (message) => seen.invalid.push(message));
  return seen;
}

describe('DeviceService', () => {
  it('inspects every image, publishes results with pictures, says what it does, and ends by itself', async () => {
    const port = await startBroker();
    const seen = await listen(port);
    const service = await DeviceService.open(configOf(port, {}, { frames: true }), logger);
    await service.run();
    await waitFor(() => expect(seen.statuses.at(-1)?.state).toBe('offline'));
    expect(seen.invalid).toEqual([]);
    expect(seen.results.map(({ verdict, class: { name }, frame }) => [frame.source, verdict, name])).toEqual([
      ['1-red-good.png', 'pass', 'red'],
      ['2-blue-bad.png', 'reject', 'blue'],
      ['3-blue-good.png', 'pass', 'blue'],
    ]);
    expect(seen.results.every((result) => result.modelId === modelId)).toBe(true);
    expect(seen.heatmaps).toEqual([seen.results[1]?.id]);
    expect(seen.frames).toEqual(seen.results.map(({ id }) => id));
    const cameras = seen.statuses.flatMap((status) => status.cameras ?? []);
    expect(cameras.at(-1)).toMatchObject({ state: 'ended', frames: 3, inspected: 3, dropped: 0 });
  });

  it('goes on without a broker and delivers everything when it comes', async () => {
    const port = await startBroker();
    for (const close of closers.splice(0)) await close();
    const service = await DeviceService.open(configOf(port), logger);
    const running = service.run();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await startBroker(port);
    const seen = await listen(port);
    await running;
    await waitFor(() => expect(seen.results).toHaveLength(3));
  });

  it('stops when asked, with the last word on its status', async () => {
    const port = await startBroker();
    const seen = await listen(port);
    const service = await DeviceService.open(configOf(port, { rateHz: 30, loop: true }), logger);
    const running = service.run();
    await waitFor(() => expect(seen.results.length).toBeGreaterThan(5));
    service.stop();
    await running;
    await waitFor(() => expect(seen.statuses.at(-1)?.state).toBe('offline'));
    expect(seen.statuses.map(({ state }) => state)).toContain('online');
    // Retained: who comes later hears it too.
    const later = await listen(port);
    await waitFor(() => expect(later.statuses.map(({ state }) => state)).toEqual(['offline']));
  });

  it('stops when asked while it waits for a broker to take what ended cameras have left', async () => {
    const port = await startBroker();
    for (const close of closers.splice(0)) await close();
    const flush = vi.spyOn(Publisher.prototype, 'flush');
    closers.push(async () => flush.mockRestore());
    const state = join(folder, 'undelivered');
    const service = await DeviceService.open(configOf(port, {}, {}, { state }), logger);
    const running = service.run();
    await waitFor(() => expect(flush).toHaveBeenCalled());
    service.stop();
    expect(
      await atMost(
        30_000,
        running.then(() => 'ended'),
      ),
    ).toBe('ended');
  });

  it('is degraded while a camera fails, and recovers with it', async () => {
    const port = await startBroker();
    const seen = await listen(port);
    const path = join(folder, 'later');
    const service = await DeviceService.open(configOf(port, { path, rateHz: 20, loop: true }), logger);
    const running = service.run();
    await waitFor(() =>
      expect(seen.statuses.at(-1)).toMatchObject({
        state: 'degraded',
        cameras: [{ state: 'failed', error: expect.stringContaining(path) }],
      }),
    );
    await mkdir(path);
    await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } }).toFile(join(path, 'x.png'));
    await waitFor(() =>
      expect(seen.statuses.at(-1)).toMatchObject({ state: 'online', cameras: [{ state: 'running' }] }),
    );
    service.stop();
    await running;
  });

  it('counts one failure of a camera that stays away, however often it is tried and whatever was still being published', async () => {
    const port = await startBroker();
    const seen = await listen(port);
    const path = await mkdtemp(join(folder, 'vanishing-'));
    const image = sharp({ create: { width: 2000, height: 2000, channels: 3, background: 'red' } });
    await image.toFile(join(path, 'x.png'));
    const errors: unknown[] = [];
    const listening = pino({ level: 'error' }, { write: (line) => errors.push(line) });
    const service = await DeviceService.open(configOf(port, { path, loop: true }, { frames: true }), listening);
    const running = service.run();
    await waitFor(() => expect(seen.results.length).toBeGreaterThan(2));
    await rm(path, { recursive: true });
    await waitFor(() => expect(errors.length).toBeGreaterThan(1));
    service.stop();
    await running;
    const failed = seen.statuses.filter((status) => status.cameras?.[0]?.state === 'failed');
    expect(failed.map((status) => status.cameras?.[0]?.failures)).toEqual(failed.map(() => 1));
  });

  it('refuses a camera whose class the model does not know', async () => {
    await expect(DeviceService.open(configOf(1, {}, { class: 'grin' }), logger)).rejects.toThrow(
      /"belt" expects class "grin".*red, blue/,
    );
  });
});

describe('dry run', () => {
  it('is content with what is right', async () => {
    const lines: string[] = [];
    expect(await dryRun(configOf(await startBroker()), (line) => lines.push(line))).toBe(true);
    expect(lines).toHaveLength(4);
    expect(lines.every((line) => line.startsWith('ok'))).toBe(true);
  });

  it('keeps the password of the broker to itself', async () => {
    const config = configOf(await startBroker());
    const url = config.broker.url.replace('//', '//user:p@secret@');
    const lines: string[] = [];
    await dryRun({ ...config, broker: { ...config.broker, url } }, (line) => lines.push(line));
    expect(lines.filter((line) => line.includes('broker'))).toEqual([expect.stringMatching(/^ok.*\*\*\*@127/)]);
    expect(lines.join()).not.toContain('secret');
  });

  it('names every fault at once', async () => {
    const config = { ...configOf(9, { path: '/no/images' }), bundle: '/no/bundle' };
    const lines: string[] = [];
    expect(await dryRun(config, (line) => lines.push(line))).toBe(false);
    expect(lines.filter((line) => line.startsWith('FAULT'))).toEqual([
      expect.stringMatching(/bundle: .*bundle\.json/),
      expect.stringMatching(/camera belt: .*\/no\/images/),
      expect.stringMatching(/broker: .*127\.0\.0\.1:9/),
    ]);
  });
});
