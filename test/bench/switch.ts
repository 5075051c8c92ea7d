/**
 * npm run bench -- switch [--json FILE] [--size 128] [--rate 30] [--threads 1] [--switches 5]
 *
 * Frames that a device misses by an update: the test camera at its rate, the shipped teacher with a student of random weights, a repository
 * over HTTP and a broker on loopback. Each switch is a whole update: look, fetch, stage, open, switch. Frames missed while it goes on stand
 * beside those missed in as long a time without one.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DeviceService, deviceConfigSchema } from '@beltsight/device';
import { connectMqtt, InspectionClient, topicsOf, type UpdateState, updateStateSchema } from '@beltsight/sdk';
import { pino } from 'pino';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { startEmbeddedBroker } from '../support/embedded-broker.js';
import { writeFullBundle } from './support/full-bundle.js';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    size: { type: 'string', default: '128' },
    rate: { type: 'string', default: '30' },
    threads: { type: 'string', default: '1' },
    switches: { type: 'string', default: '5' },
  },
});
const [size, rateHz, threads, switches] = [values.size, values.rate, values.threads, values.switches].map(Number) as [
  number,
  number,
  number,
  number,
];
const address = { site: 's', line: 'l', device: 'd' };
const topics = topicsOf(address);

const scene = await Scene.open();
const folder = await mkdtemp(join(tmpdir(), 'beltsight-switch-'));
const { url: broker, close } = await startEmbeddedBroker();
try {
  await writeFullBundle(join(folder, 'factory'), size, 1);
  await publishRelease(1);
  const config = deviceConfigSchema.parse({
    ...address,
    bundle: join(folder, 'factory'),
    state: join(folder, 'state'),
    broker: { url: broker },
    runtime: { threads, providers: ['cpu'] },
    cameras: [{ name: 'belt', source: { type: 'test', width: size, height: size, rateHz }, heatmaps: 'none' }],
    update: {
      root: join(scene.workspace.repository.folder, 'metadata/1.root.json'),
      url: await scene.serve(),
      channel: 'none',
      reserveMegabytes: 0,
      probation: { frames: 20, minutes: 0, latencyFactor: 100 },
    },
  });
  const seen: { at: number; sequence: number; modelId: string }[] = [];
  const states: { at: number; state: UpdateState; release: string | null }[] = [];
  const client = await InspectionClient.connect(broker);
  client.on('result', ({ frame, modelId }) => seen.push({ at: performance.now(), sequence: frame.sequence, modelId }));
  const mqtt = await connectMqtt(broker);
  mqtt.on('message', (_, payload) => {
    const { state, running } = updateStateSchema.parse(JSON.parse(payload.toString()));
    states.push({ at: performance.now(), state, release: running.release });
  });
  await mqtt.subscribeAsync(topics.updateState, { qos: 1 });
  const service = await DeviceService.open(config, pino({ level: 'silent' }));
  const running = service.run();
  await reached(() => states.at(-1)?.state === 'idle' && seen.length > 5 * rateHz);
  const updates: { seconds: number; missed: number; missedWithout: number; atSwitch: number }[] = [];
  for (let i = 1; i <= switches; i++) {
    if (i > 1) await publishRelease(i);
    const release = `releases/_/bench-${i}.json`;
    const begin = performance.now();
    const desired = { schema: 'beltsight.desired/1', release };
    await mqtt.publishAsync(topics.updateDesired, JSON.stringify(desired), { qos: 1, retain: true });
    await reached(() => states.at(-1)?.state === 'idle' && states.at(-1)?.release === release);
    const end = states.find((each) => each.at > begin && each.state === 'probation')?.at ?? performance.now();
    await sleep(1000);
    const quiet = performance.now();
    await sleep(end - begin);
    const first = seen.findIndex((each) => each.at > begin && each.modelId !== seen.find((s) => s.at > begin)?.modelId);
    updates.push({
      seconds: (end - begin) / 1000,
      missed: missedBetween(begin, end),
      missedWithout: missedBetween(quiet, quiet + end - begin),
      atSwitch: (seen[first]?.sequence ?? 0) - (seen[first - 1]?.sequence ?? 0) - 1,
    });
  }
  service.stop();
  await running;
  await client.close();
  await mqtt.endAsync();
  for (const { seconds, missed, missedWithout, atSwitch } of updates) {
    console.log(
      `update of ${seconds.toFixed(1)} s at ${rateHz} fps: ${missed} frames missed, ${missedWithout} in as long a time without one; ${atSwitch} between the last frame of the old and the first of the new model`,
    );
  }
  if (values.json) await writeFile(values.json, `${JSON.stringify({ size, rateHz, threads, updates }, null, 2)}\n`);

  function missedBetween(from: number, to: number): number {
    const numbers = seen.filter(({ at }) => at >= from && at <= to).map(({ sequence }) => sequence);
    return Math.max(...numbers) - Math.min(...numbers) + 1 - numbers.length;
  }
} finally {
  await close();
  await scene.close();
  await rm(folder, { recursive: true });
}

async function publishRelease(number: number): Promise<void> {
  const bundle = join(folder, `release-${number}`);
  await writeFullBundle(bundle, size, number + 1);
  const { workspace } = scene;
  const { path } = await addBundle({ workspace, bundle, name: 'bench', scope: {}, notes: '', now: new Date() });
  await promote(workspace, {}, 'stable', path, new Date());
  await scene.publish();
}

async function reached(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}
