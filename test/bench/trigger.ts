/**
 * npm run bench -- trigger [--json FILE] [--triggers 300] [--rate 60] [--side 640]
 *
 * Software trigger to result: the tiny model on the test camera, an embedded broker on loopback, one trigger after the other at random
 * moments between two frames. What the device says (request to reply), what the application sees (with broker, both ways), and how much of
 * it is waiting for the next frame.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DeviceService, deviceConfigSchema } from '@beltsight/device';
import { InspectionClient } from '@beltsight/sdk';
import { pino } from 'pino';
import { startEmbeddedBroker } from '../support/embedded-broker.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    triggers: { type: 'string', default: '300' },
    rate: { type: 'string', default: '60' },
    side: { type: 'string', default: '640' },
  },
});
const [triggers, rateHz, side] = [Number(values.triggers), Number(values.rate), Number(values.side)];
const address = { site: 's', line: 'l', device: 'd' };

const folder = await mkdtemp(join(tmpdir(), 'beltsight-trigger-'));
const { url, close } = await startEmbeddedBroker();
try {
  await writeTinyBundle(join(folder, 'bundle'));
  const config = deviceConfigSchema.parse({
    ...address,
    bundle: join(folder, 'bundle'),
    state: join(folder, 'state'),
    broker: { url },
    commands: { perSecond: 1000, burst: 1000 },
    cameras: [
      {
        name: 'belt',
        source: { type: 'test', width: side, height: side, rateHz },
        trigger: 'software',
        heatmaps: 'none',
      },
    ],
  });
  const service = await DeviceService.open(config, pino({ level: 'silent' }));
  const client = await InspectionClient.connect(url);
  const ready = new Promise<void>((resolve) => {
    client.on('status', ({ cameras }) => cameras?.[0]?.state === 'running' && resolve());
  });
  const running = service.run();
  await ready;
  const measured = await measure(client);
  await client.close();
  service.stop();
  await running;
  console.log(`${triggers} triggers, ${side}x${side} RGB24 at ${rateHz} Hz, tiny model (32x32), milliseconds:`);
  console.table(measured);
  if (values.json) await writeFile(values.json, `${JSON.stringify({ triggers, rateHz, side, measured }, null, 2)}\n`);
} finally {
  await close();
  await rm(folder, { recursive: true });
}

async function measure(client: InspectionClient) {
  const figures: Record<string, number[]> = { device: [], application: [], 'capture to result': [] };
  for (let i = 0; i < triggers + 20; i++) {
    await sleep((Math.random() * 2000) / rateHz);
    const begin = performance.now();
    const reply = await client.command(address, 'trigger', { camera: 'belt' });
    const whole = performance.now() - begin;
    if (!reply.ok) throw new Error(reply.error.message);
    // The first ones find nothing compiled.
    if (i < 20) continue;
    figures.device?.push(reply.latencyMs);
    figures.application?.push(whole);
    figures['capture to result']?.push(reply.value.latencyMs);
  }
  return Object.fromEntries(
    Object.entries(figures).map(([what, times]) => {
      const sorted = times.sort((a, b) => a - b);
      const at = (share: number) => Number((sorted[Math.floor(share * (sorted.length - 1))] as number).toFixed(1));
      return [what, { p50: at(0.5), p90: at(0.9), p99: at(0.99) }];
    }),
  );
}
