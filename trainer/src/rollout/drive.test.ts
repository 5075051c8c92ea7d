import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectMqtt, type RolloutMessage, rolloutTopics, type UpdateStateMessage } from '@beltsight/sdk';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { abort, begin, pause } from './control.js';
import { drive } from './drive.js';
import { topicsOfName } from './fleet.js';
import { readPlan } from './plan.js';
import { Rollout } from './rollout.js';

const RELEASE = 'releases/_/bottles-3.json';
const DEVICES = ['plant1/line1/d0', 'plant1/line1/d1'];

let broker: { url: string; port: number };
/** Whoever looks on: what the broker has of the rollout, in order, and who was asked for something. */
let person: MqttClient;
let states: RolloutMessage[];
let asked: string[];
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const { close, ...started } = await startEmbeddedBroker();
  broker = started;
  person = await connectMqtt(broker.url);
  closers.push(close, () => person.endAsync(true));
  states = [];
  asked = [];
  person.on('message', (topic, payload) => {
    if (topic === rolloutTopics('spring').plan) states.push(JSON.parse(payload.toString()));
    else asked.push(topic);
  });
  await person.subscribeAsync([rolloutTopics('spring').plan, 'beltsight/1/+/+/+/update/desired'], { qos: 1 });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A line to the broker that can lose what is sent, and break. */
async function startLine() {
  const sockets = new Set<Socket>();
  const line = {
    url: '',
    up: true,
    silent: false,
    lost: '',
    cut: () => sockets.forEach((each) => void each.destroy()),
  };
  const server = createServer((near) => {
    if (!line.up) return near.destroy();
    const far = connect(broker.port, '127.0.0.1');
    near.on('data', (bytes) => {
      if (line.silent) line.lost += bytes.toString('latin1');
      else far.write(bytes);
    });
    far.pipe(near);
    for (const each of [near, far]) {
      sockets.add(each);
      each.on('error', () => undefined);
      each.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(each);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  line.url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return line;
}

async function open(url: string): Promise<Rollout> {
  const rollout = await Rollout.open('spring', { url });
  closers.push(() => rollout.close());
  return rollout;
}

const confirmed: UpdateStateMessage = {
  schema: 'beltsight.update/1',
  at: '2026-06-01T12:00:00.000Z',
  state: 'idle',
  running: { release: RELEASE, modelId: 'm3' },
  desired: RELEASE,
  failed: [],
  rollout: { id: 'spring', wave: 1 },
};

describe('whoever drives a rollout and loses the line while it begins a wave', () => {
  it.each([
    ['aborted', (rollout: Rollout) => abort(rollout, 'it damages products')],
    ['paused', (rollout: Rollout) => pause(rollout, 'audit')],
  ] as const)('leaves it %s where somebody has said so meanwhile', async (state, say) => {
    const line = await startLine();
    const driver = await open(line.url);
    const plan = await readPlan(undefined, { release: RELEASE, devices: DEVICES, waves: [1, '100 %'] });
    const { waves } = await begin(driver, plan, () => undefined);
    const [first = ''] = waves[0]?.devices ?? [];
    const stop = new AbortController();
    const driving = drive(driver, { signal: stop.signal, log: () => undefined });
    closers.push(async () => stop.abort());
    await waitFor(() => expect(asked).toEqual([topicsOfName(first).updateDesired]));
    line.silent = true;
    const report = JSON.stringify(confirmed);
    await person.publishAsync(topicsOfName(first).updateState, report, { qos: 1, retain: true });
    await waitFor(() => expect(line.lost).toContain('"wave":2'));
    line.up = false;
    line.cut();
    await say(await open(broker.url));
    line.silent = false;
    line.up = true;
    expect(await Promise.race([driving, sleep(30_000, 'still driving', { ref: false })])).toMatchObject({
      state,
      current: { wave: 1 },
    });
    expect(states.map((each) => [each.state, each.current.wave])).toEqual([
      ['running', 1],
      [state, 1],
    ]);
    const [second = ''] = waves[1]?.devices ?? [];
    expect(asked).not.toContain(topicsOfName(second).updateDesired);
  });
});
