import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InspectionClient, type StatusMessage } from '@beltsight/sdk';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { parseExposition, sampleValue } from '../../../test/support/exposition.js';
import { waitFor } from '../../../test/support/patience.js';
import { freePort } from '../../../test/support/processes.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { deviceConfigSchema } from '../config/schema.js';
import { DeviceService } from '../service/service.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-metrics-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  for (const [name, spot] of [
    ['good', undefined],
    ['bad', 255],
  ] as const) {
    await sharp(tinyImage('blue', spot), { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(
      join(folder, 'images', `${name}.png`),
    );
  }
});
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true });
});

it('a running device is scraped, says the same in its status, and inspects while its port is taken', async () => {
  const { url, close } = await startEmbeddedBroker();
  closers.push(close);
  const client = await InspectionClient.connect(url);
  closers.push(() => client.close());
  const statuses: StatusMessage[] = [];
  const counts = { pass: 0, reject: 0, unknown: 0 };
  client.on('status', (status) => statuses.push(status));
  client.on('result', ({ verdict }) => counts[verdict]++);

  const port = await freePort();
  const squatter = createServer().listen(port, '127.0.0.1');
  closers.push(async () => squatter.close());
  const service = await DeviceService.open(
    deviceConfigSchema.parse({
      site: 's',
      line: 'l',
      device: 'd',
      bundle: join(folder, 'bundle'),
      state: join(folder, 'state'),
      broker: { url },
      cameras: [{ name: 'belt', source: { type: 'folder', path: join(folder, 'images'), rateHz: 50, loop: true } }],
      statusSeconds: 0.2,
      metrics: { port },
    }),
    pino({ level: 'silent' }),
  );
  const running = service.run();
  closers.push(async () => {
    service.stop();
    await running;
  });
  await waitFor(() =>
    expect(statuses.at(-1)).toMatchObject({
      state: 'degraded',
      cameras: [{ state: 'running' }],
      metrics: { problem: expect.stringContaining(`port ${port}`) },
    }),
  );
  await waitFor(() => expect(counts.reject).toBeGreaterThan(3));
  squatter.close();
  const scrape = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return parseExposition(await response.text());
  };
  const families = await waitFor(scrape);
  await waitFor(() => expect(statuses.at(-1)).toMatchObject({ state: 'online' }));
  const results = (verdict: string) =>
    sampleValue(families, 'beltsight_results_total', { class: 'blue', verdict }) ?? 0;
  expect(results('reject')).toBeGreaterThan(3);
  for (const stage of ['preprocess', 'model', 'decide', 'capture_to_result', 'publish']) {
    expect(sampleValue(families, 'beltsight_stage_duration_seconds_count', { stage }), stage).toBeGreaterThan(3);
  }
  expect(sampleValue(families, 'beltsight_broker_connected')).toBe(1);
  expect(sampleValue(families, 'beltsight_provider_info')).toBe(1);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);

  service.stop();
  await running;
  await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  await waitFor(() => expect(statuses.at(-1)?.state).toBe('offline'));
  const last = statuses.filter(({ metrics }) => metrics).at(-1)?.metrics;
  expect(last?.problem).toBeUndefined();
  expect(last?.results).toEqual(counts);
  expect(Object.keys(last?.stages ?? {}).sort()).toEqual([
    'capture_to_result',
    'decide',
    'model',
    'preprocess',
    'publish',
  ]);
});
