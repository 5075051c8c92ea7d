import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectMqtt, type DesiredMessage, topicsOf, type UpdateStateMessage } from '@beltsight/sdk';
import { float32 } from '@beltsight/sdk/onnx';
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addBundle } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { withRollout } from '../../trainer/src/rollout/control.js';
import { type FleetDeviceOptions, startFleetDevice } from '../support/fleet-device.js';
import { type Broker, startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { ROOT, start } from '../support/processes.js';
import { tinyGraph, writeTinyBundle } from '../support/tiny-bundle.js';

/** Devices of two lines. */
const DEVICES = 24;
const BELTSIGHT = join(ROOT, 'trainer/bin/beltsight.mjs');

let scene: Scene;
let url: string;
let broker: Broker;
let person: MqttClient;
const desired = new Map<string, DesiredMessage>();
const closers: (() => Promise<unknown>)[] = [];
const good = 'releases/_/good-1.json';
let badModel: string;

beforeAll(async () => {
  scene = await Scene.open();
  await writeTinyBundle(join(scene.folder, 'factory'));
  await add('good', 2);
  badModel = await add('bad', 3);
  await scene.publish();
  url = await scene.serve();
});
afterAll(() => scene.close());
beforeEach(async () => {
  broker = await startMosquitto();
  person = await connectMqtt(broker.url);
  desired.clear();
  person.on('message', (topic, payload) => desired.set(topic, JSON.parse(payload.toString())));
  await person.subscribeAsync('beltsight/1/+/+/+/update/desired', { qos: 1 });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await person.endAsync(true);
  await broker.stop();
});

async function add(name: string, gain: number): Promise<string> {
  const bundle = join(scene.folder, name);
  const model = tinyGraph();
  const initializers = new Map(model.initializers).set('gain', float32([gain], [1]));
  const modelId = await writeTinyBundle(bundle, (parts) => ({ ...parts, model: { ...model, initializers } }));
  await addBundle({ workspace: scene.workspace, bundle, name, scope: {}, notes: '', now: new Date() });
  return modelId;
}

let folders = 0;
const addressOf = (i: number) => ({ site: 'plant1', line: `line${(i % 2) + 1}`, device: `device${i}` });

async function fleet(count = DEVICES, options: (i: number) => Partial<FleetDeviceOptions> = () => ({})) {
  const devices = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      startFleetDevice({
        address: addressOf(i),
        broker: broker.url,
        folder: join(scene.folder, `device-${folders++}`),
        factory: join(scene.folder, 'factory'),
        root: join(scene.workspace.repository.folder, 'metadata/1.root.json'),
        url,
        // This model scores its golden samples wrong on every device.
        refuse: (modelId) => (modelId === badModel ? 'golden/000.png scores wrong' : undefined),
        belt: { products: 25, everyMs: 100 },
        ...options(i),
      }),
    ),
  );
  closers.push(() => Promise.all(devices.map((device) => device.close())));
  return devices;
}

/** Runs the command to its end. */
async function rollout(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  return promisify(execFile)(process.execPath, [BELTSIGHT, 'rollout', ...args, '--mqtt', broker.url]).then(
    ({ stdout, stderr }) => ({ status: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ status: code, out: stdout, err: stderr }),
  );
}

/** Runs it until it is ended. */
function driving(...args: string[]) {
  const running = start(process.execPath, [BELTSIGHT, 'rollout', ...args, '--mqtt', broker.url]);
  closers.push(async () => {
    running.process.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

async function standings(id: string): Promise<Record<string, number>> {
  const stands = await withRollout(id, { url: broker.url }, async (opened) => opened.stands());
  const counts: Record<string, number> = {};
  for (const { standing } of stands) counts[standing] = (counts[standing] ?? 0) + 1;
  return counts;
}

/** What is desired of a device now. */
const desiredOf = (i: number) => desired.get(topicsOf(addressOf(i)).updateDesired);

const second = 'plant1/line1/device2,plant1/line2/device3';
const lastReport: Omit<UpdateStateMessage, 'running'> = {
  schema: 'beltsight.update/1',
  at: '2026-01-01T00:00:00.000Z',
  state: 'idle',
  desired: null,
  failed: [],
};

describe('a rollout', () => {
  it('brings a release to all devices, wave after wave', async () => {
    const devices = await fleet();
    const { status, err } = await rollout('start', 'spring', '--release', 'good-1');
    expect(err).toContain('wave 1 of 4, 1 devices');
    expect(status).toBe(0);
    expect(err).toContain('Rollout spring of releases/_/good-1.json is done.');
    for (const device of devices) expect(device.host.used).toHaveLength(2);
    expect(await standings('spring')).toEqual({ confirmed: DEVICES });
    expect((await rollout('status', 'spring')).status).toBe(0);
  });

  it('of a release that fails on devices stops at the first wave', async () => {
    const devices = await fleet();
    const { status, err } = await rollout('start', 'bad', '--release', 'bad-1', '--waves', '2, 50 %, 100 %');
    expect(status).toBe(1);
    expect(err).toMatch(/ROLLOUT_STOPPED: Rollout bad is paused: [12] of 2 devices failed/);
    expect(err).toContain('golden/000.png scores wrong');
    expect(await standings('bad')).toMatchObject({ waiting: DEVICES - 2 });
    for (const device of devices) expect(device.host.used).toHaveLength(1);
    expect((await rollout('status', 'bad')).status).toBe(1);
    const again = await rollout('start', 'bad');
    expect(again).toMatchObject({ status: 1, err: expect.stringContaining('beltsight rollout resume') });
    const aborted = await rollout('abort', 'bad');
    expect(aborted).toMatchObject({ status: 0, out: '', err: expect.stringContaining('2 devices are asked again') });
    expect(await standings('bad')).toEqual({ waiting: DEVICES });
  });

  it('goes on when whoever drives it is killed, while another drives it, too', async () => {
    const devices = await fleet();
    const plan = ['--release', 'good-1', '--waves', '1, 3, 6, 12, 18, 100 %'];
    const drivers = [driving('start', 'twice', ...plan), driving('start', 'twice', ...plan)];
    for (let wave = 2; wave <= 4; wave++) {
      await waitFor(() => expect(drivers.map(({ output }) => output()).join()).toContain(`wave ${wave} of 6`));
      const killed = drivers.shift();
      killed?.process.kill('SIGKILL');
      drivers.push(driving('start', 'twice'));
    }
    expect(await Promise.all(drivers.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(await standings('twice')).toEqual({ confirmed: DEVICES });
    // Nobody was asked for anything that would have it switch twice.
    for (const device of devices) expect(device.host.used).toHaveLength(2);
  });

  it('is paused and resumed from elsewhere, and refuses what is not its plan', async () => {
    // Nothing comes by until somebody has paused it.
    const belt = { products: 0, everyMs: 100 };
    await fleet(6, () => ({ belt }));
    const driver = driving('start', 'hand', '--release', 'good-1', '--waves', '2,100%');
    await waitFor(() => expect(driver.output()).toContain('wave 1 of 2'));
    expect(await rollout('pause', 'hand', '--reason', 'lunch')).toMatchObject({ status: 0 });
    expect(await driver.ended).toBe(1);
    belt.products = 25;
    expect(driver.output()).toContain('Rollout hand is paused: lunch');
    const other = await rollout('start', 'hand', '--release', 'bad-1');
    expect(other).toMatchObject({ status: 1, err: expect.stringContaining('with another plan') });
    const shared = await rollout('start', 'second', '--release', 'bad-1', '--line', 'line1');
    expect(shared).toMatchObject({ status: 1, err: expect.stringContaining('in rollout hand, which is paused') });
    expect(await rollout('resume', 'hand')).toMatchObject({ status: 0 });
    expect(await standings('hand')).toEqual({ confirmed: 6 });
    expect((await rollout('status')).out).toMatch(/hand +│ releases\/_\/good-1.json │ done/);
  });

  it('is aborted: who has confirmed stays, who has not is asked for what it was asked for before', async () => {
    const before: DesiredMessage = { schema: 'beltsight.desired/1', release: null, retry: 7 };
    for (const i of [0, 1, 2, 3]) {
      await person.publishAsync(topicsOf(addressOf(i)).updateDesired, JSON.stringify(before), { qos: 1, retain: true });
    }
    // These never prove themselves: nothing comes by.
    await fleet(4, (i) => (i > 1 ? { belt: { products: 0, everyMs: 1000 } } : {}));
    const first = 'plant1/line1/device0,plant1/line2/device1';
    const driver = driving(
      'start',
      'stop',
      '--release',
      'good-1',
      '--waves',
      '100 %',
      '--devices',
      `${first},${second}`,
    );
    await waitFor(async () => expect(await standings('stop')).toEqual({ confirmed: 2, updating: 2 }));
    const { out, err } = await rollout('abort', 'stop', '--reason', 'no');
    expect(await driver.ended).toBe(1);
    expect(driver.output()).toContain('Rollout stop is aborted: no');
    expect(out.trim().split('\n').sort()).toEqual(first.split(','));
    expect(err).toContain('2 devices are asked again');
    expect(desiredOf(0)).toMatchObject({ release: good, rollout: { id: 'stop', wave: 1 } });
    expect(desiredOf(2)).toEqual(before);
    expect(desiredOf(3)).toEqual(before);
    expect(await rollout('start', 'stop')).toMatchObject({ status: 1 });
  });

  it('does not hang on devices that vanish or talk nonsense', async () => {
    const devices = await fleet(4);
    await devices[0]?.vanish();
    for (const [device, report] of [
      ['garbage', '{{{{'],
      ['silent', JSON.stringify({ ...lastReport, running: { release: null, modelId: 'x' } })],
    ] as const) {
      const { updateState } = topicsOf({ site: 'plant1', line: 'line1', device });
      await person.publishAsync(updateState, report, { qos: 1, retain: true });
    }
    const plan = ['--release', 'good-1', '--waves', '100 %', '--confirmed', '100 %', '--within', '0.1'];
    const { status, err } = await rollout('start', 'ghosts', ...plan);
    expect(status).toBe(1);
    expect(err).toContain('plant1/line1/garbage reports what nobody can read: it is left out.');
    expect(err).toMatch(/3 of 5 devices of wave 1 confirmed, 5 must within 0.1 minutes/);
    expect(err).toContain('plant1/line1/device0 is offline');
    expect(err).toContain('plant1/line1/silent is silent');
    expect(await rollout('resume', 'ghosts', '--skip')).toMatchObject({ status: 0 });
  });

  it('outlives a broker that comes back with nothing', async () => {
    await fleet(6);
    const driver = driving('start', 'lost', '--release', 'good-1', '--waves', '1, 100 %');
    await waitFor(() => expect(driver.output()).toContain('wave 1 of 2'));
    await broker.signal('SIGKILL');
    await broker.start();
    expect(await driver.ended).toBe(0);
    await waitFor(async () => expect(await standings('lost')).toEqual({ confirmed: 6 }));
  });
});
