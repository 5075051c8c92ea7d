/**
 * npm run bench -- fleet [--devices 1000] [--processes 4] [--waves "1, 10 %, 50 %, 100 %"] [--json FILE]
 *
 * From publish to confirmed on a fleet of simulated devices: each has the real updater with its TUF client, HTTP transport, stores on disk and MQTT
 * connection, and inspects 25 good products every 1.25 s while a model is on probation. One static server, one mosquitto, all on this machine. Side by side:
 * every device fetches the same files over the same transport and says so over MQTT, and nothing else; all devices are asked for the release at once; a
 * rollout in waves.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectMqtt, parseTopic, topicsOf, updateStateSchema } from '@beltsight/sdk';
import { float32 } from '@beltsight/sdk/onnx';
import type { MqttClient } from 'mqtt';
import { addBundle } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { begin, withRollout } from '../../trainer/src/rollout/control.js';
import { drive } from '../../trainer/src/rollout/drive.js';
import { readPlan } from '../../trainer/src/rollout/plan.js';
import { startMosquitto } from '../support/mosquitto.js';
import { type Running, start } from '../support/processes.js';
import { tinyGraph, writeTinyBundle } from '../support/tiny-bundle.js';
import { addressesOf } from './support/fleet-part.js';

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '1000' },
    processes: { type: 'string', default: '4' },
    waves: { type: 'string', default: '1, 10 %, 50 %, 100 %' },
    json: { type: 'string' },
  },
});
const devices = Number(values.devices);
const processes = Number(values.processes);
const STATES = 'beltsight/1/+/+/+/update/state';
const PART = fileURLToPath(new URL('support/fleet-part.ts', import.meta.url));

const scene = await Scene.open();
const broker = await startMosquitto();
const parts: Running[] = [];
try {
  await writeTinyBundle(join(scene.folder, 'factory'));
  const [first, second] = [await add('first', 2), await add('second', 3)];
  await scene.publish();
  const url = await scene.serve();
  for (let i = 0; i < processes; i++) {
    const share = addressesOf(devices).filter((_, n) => n % processes === i).length;
    const args = ['--conditions=source', '--import', 'tsx', PART, scene.folder, url, broker.url];
    const part = start(process.execPath, [...args, String(devices), String(processes), String(i), first]);
    part.process.stderr?.pipe(process.stderr);
    parts.push(part);
    while (!part.output().includes(`ready ${share}\n`)) {
      if (part.process.exitCode !== null) throw new Error(part.output());
      await new Promise((done) => setTimeout(done, 100));
    }
  }
  console.log(`${devices} devices in ${processes} processes, 1 server, 1 broker`);
  const bare = await bareFetch(first);
  report('same files fetched, and nothing else', bare);
  const atOnce = await asked(first);
  report('asked at once, to confirmed', atOnce);
  const { totalMs, eachMs } = await inWaves(second);
  report(`rollout in waves (${values.waves}), each from its asking`, eachMs);
  const last = (ms: readonly number[]) => Math.max(...ms) / 1000;
  console.log(`rollout in waves, from publish to the last confirmed: ${(totalMs / 1000).toFixed(1)} s`);
  console.log(`asked at once / bare: ${(last(atOnce) / last(bare)).toFixed(2)}`);
  console.log(`rollout / asked at once: ${(totalMs / 1000 / last(atOnce)).toFixed(2)}`);
  const memory = parts.map((part) => Number(part.output().match(/.*memory (\d+)/s)?.[1]));
  console.log(`resident memory of a device process: at most ${Math.max(...memory)} MB`);
  if (values.json) {
    const figures = {
      devices,
      processes,
      bareMs: bare,
      atOnceMs: atOnce,
      wavesMs: eachMs,
      totalMs,
    };
    await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  }
} finally {
  for (const part of parts) part.process.kill('SIGKILL');
  await Promise.all(parts.map(({ ended }) => ended));
  await broker.stop();
  await scene.close();
}
process.exit(0);

async function add(name: string, gain: number): Promise<string> {
  const bundle = join(scene.folder, name);
  const model = tinyGraph();
  const initializers = new Map(model.initializers).set('gain', float32([gain], [1]));
  await writeTinyBundle(bundle, (whole) => ({ ...whole, model: { ...model, initializers } }));
  const { workspace } = scene;
  return (await addBundle({ workspace, bundle, name, scope: {}, notes: '', now: new Date() })).path;
}

/** Milliseconds until each device has said that it has the files of a release. */
function bareFetch(release: string): Promise<number[]> {
  return timed(
    ['bench/fetched'],
    (_, payload) => String(payload),
    (client) => client.publishAsync('bench/fetch', release, { qos: 1 }),
  );
}

/** Milliseconds until each device has confirmed, when all are asked in one moment. */
function asked(release: string): Promise<number[]> {
  const message = JSON.stringify({ schema: 'beltsight.desired/1', release, retry: 0 });
  return timed([STATES], confirmedBy(release), (client) =>
    Promise.all(
      addressesOf(devices).map((address) =>
        client.publishAsync(topicsOf(address).updateDesired, message, { qos: 1, retain: true }),
      ),
    ),
  );
}

/** Milliseconds of the whole rollout, and of each device from when its wave was asked until it has confirmed. */
async function inWaves(release: string): Promise<{ totalMs: number; eachMs: number[] }> {
  const waves = values.waves.split(',').map((each) => each.trim());
  const plan = await readPlan(undefined, { release, waves, confirmed: '100 %' });
  const log = (line: string) => console.error(`  ${line}`);
  const askedAt = new Map<string, number>();
  const confirmed = confirmedBy(release);
  const begun = performance.now();
  let totalMs = 0;
  const sinceBegin = new Map<string, number>();
  await timed(
    [STATES, 'beltsight/1/+/+/+/update/desired'],
    (topic, payload) => {
      const address = parseTopic(topic);
      if (address?.kind === 'update/desired') askedAt.set(address.device, performance.now() - begun);
      const device = confirmed(topic, payload);
      if (device !== undefined && !sinceBegin.has(device)) sinceBegin.set(device, performance.now() - begun);
      return device;
    },
    () =>
      withRollout('bench', { url: broker.url }, async (rollout) => {
        await begin(rollout, plan, log);
        const { state, reason } = await drive(rollout, { signal: new AbortController().signal, log });
        if (state !== 'done') throw new Error(`The rollout is ${state}: ${reason}`);
        totalMs = performance.now() - begun;
      }),
  );
  return { totalMs, eachMs: [...sinceBegin].map(([device, ms]) => ms - (askedAt.get(device) ?? Number.NaN)) };
}

/** The device that a report says has confirmed; it is an error if it has failed. */
function confirmedBy(release: string) {
  return (topic: string, payload: Buffer): string | undefined => {
    const address = parseTopic(topic);
    if (address?.kind !== 'update/state') return undefined;
    const report = updateStateSchema.parse(JSON.parse(payload.toString()));
    const failure = report.failed.find((each) => each.release === release);
    if (failure) throw new Error(`${address.device} failed: ${failure.reason}`);
    const confirmed = report.state === 'idle' && report.running.release === release && report.desired === release;
    return confirmed ? address.device : undefined;
  };
}

/** Milliseconds from the beginning of an action until each device was heard of. */
async function timed(
  topics: string[],
  deviceOf: (topic: string, payload: Buffer) => string | undefined,
  action: (client: MqttClient) => Promise<unknown>,
): Promise<number[]> {
  const client = await connectMqtt(broker.url);
  const ms = new Map<string, number>();
  let begun = performance.now();
  const all = new Promise<void>((resolve, reject) => {
    client.on('message', (topic, payload) => {
      try {
        const device = deviceOf(topic, payload);
        if (device !== undefined && !ms.has(device)) ms.set(device, performance.now() - begun);
        if (ms.size === devices) resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
  await client.subscribeAsync(topics, { qos: 0 });
  begun = performance.now();
  await Promise.all([action(client), all]);
  await client.endAsync();
  return [...ms.values()];
}

function report(what: string, ms: readonly number[]): void {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) =>
    ((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) / 1000).toFixed(1);
  console.log(`${what}: ${sorted.length} devices, p50 ${at(0.5)} s, p90 ${at(0.9)} s, last ${at(1)} s`);
}
