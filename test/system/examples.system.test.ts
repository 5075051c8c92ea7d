import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CameraStatus, connectMqtt, decodeHeatmap, InspectionClient, type ResultMessage } from '@beltsight/sdk';
import sharp from 'sharp';
import { v7 } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { configsOf, type DeviceConfig, idOf } from '../../examples/home-assistant/discovery.js';
import { npmFolder } from '../support/npm-folder.js';
import { waitFor } from '../support/patience.js';
import { freePort, ROOT, start, startDevice, startMosquitto } from '../support/processes.js';
import { online, SCRIPTED, type ScriptedDevice, startScriptedDevice } from '../support/scripted-device.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

let folder: string;
let broker: Awaited<ReturnType<typeof startMosquitto>>;
const closers: (() => Promise<unknown>)[] = [];
const finalClosers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-examples-'));
  broker = await startMosquitto();
});
afterAll(async () => {
  for (const close of finalClosers.splice(0).reverse()) await close();
  await broker?.stop();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A device of the script, of another line for each test: what is retained of one is nothing to the next. */
async function scripted(line: string): Promise<ScriptedDevice> {
  const device = await startScriptedDevice(broker.url, { ...SCRIPTED, line });
  closers.push(() => device.close());
  return device;
}

/** Payloads of a topic filter by topic, parsed. */
async function hear(filter: string): Promise<(topic: string) => unknown[]> {
  const client = await connectMqtt(broker.url);
  closers.push(() => client.endAsync(true));
  const heard = new Map<string, unknown[]>();
  client.on('message', (topic, payload) => {
    heard.set(topic, [...(heard.get(topic) ?? []), JSON.parse(payload.toString())]);
  });
  await client.subscribeAsync(filter, { qos: 1 });
  return (topic) => heard.get(topic) ?? [];
}

/** The device process over a tiny bundle: every second picture is a reject. Resolves with its results once it is through. */
async function inspect(line: string, pictures: number): Promise<ResultMessage[]> {
  const place = join(folder, line);
  await writeTinyBundle(join(place, 'bundle'));
  await mkdir(join(place, 'images'));
  for (let i = 0; i < pictures; i++) {
    const pixels = i % 2 === 0 ? tinyImage('red') : tinyImage('blue', 255);
    const raw = { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } as const;
    await sharp(pixels, { raw }).toFile(join(place, 'images', `${i}.png`));
  }
  const config = join(place, 'device.yaml');
  await writeFile(
    config,
    `{ site: plant1, line: ${line}, device: real, bundle: bundle, broker: { url: "${broker.url}" },
       cameras: [{ name: belt, source: { type: folder, path: images } }] }`,
  );
  const client = await InspectionClient.connect(broker.url, { line });
  const results: ResultMessage[] = [];
  client.on('result', (result) => results.push(result));
  const { ended, output } = startDevice('run', '--config', config);
  expect(await ended, output()).toBe(0);
  await waitFor(() => expect(results).toHaveLength(pictures));
  await client.close();
  return results;
}

describe('the Node-RED flow', () => {
  let admin: string;
  let output: () => string;

  beforeAll(async () => {
    const program = join(npmFolder('examples/node-red'), 'node_modules/node-red/red.js');
    // What the README says to change: broker and device.
    const flow = (await readFile(join(ROOT, 'examples/node-red/flows.json'), 'utf8'))
      .replace('"broker": "localhost"', '"broker": "127.0.0.1"')
      .replace('"port": "1883"', `"port": "${broker.port}"`)
      .replace('beltsight/1/plant1/line1/jetson7', 'beltsight/1/plant1/commanded/jetson7');
    const user = join(folder, 'node-red');
    await mkdir(user);
    await writeFile(join(user, 'flows.json'), flow);
    const port = await freePort();
    admin = `http://127.0.0.1:${port}`;
    const args = ['--userDir', user, '--port', `${port}`, '-D', 'uiHost=127.0.0.1', 'flows.json'];
    const running = start(process.execPath, [program, ...args], { cwd: user });
    output = running.output;
    finalClosers.push(async () => {
      running.process.kill();
      await running.ended;
    });
    await waitFor(() => expect(output()).toMatch(/Connected to broker/));
  });

  it('switches the red light on at a reject, and off again', async () => {
    const lights = await hear('plant/+/+/redlight');
    const device = await scripted('red');
    await device.result({ verdict: 'pass', score: 0.1 });
    const { id } = await device.result();
    const on = { on: true, verdict: 'reject', device: 'jetson7', camera: 'belt', id };
    await waitFor(() => expect(lights('plant/plant1/red/redlight')).toEqual([on, { on: false }]));
  });

  it('counts each result once, however often it is delivered', async () => {
    const counts = await hear('plant/+/+/count');
    const device = await scripted('count');
    await device.result({}, 3);
    await device.result({ verdict: 'pass' }, 2);
    await device.publish(`beltsight/1/plant1/count/jetson7/camera/belt/result`, '{"schema":"something else"}');
    await device.result({ verdict: 'unknown' });
    await waitFor(() =>
      expect(counts('plant/plant1/count/count')).toEqual([
        { pass: 0, reject: 1, unknown: 0 },
        { pass: 1, reject: 1, unknown: 0 },
        { pass: 1, reject: 1, unknown: 1 },
      ]),
    );
  });

  it('shows an amber light while a device or an alarm wants somebody, and why', async () => {
    const lights = await hear('plant/+/+/amberlight');
    const device = await scripted('amber');
    const alarm = '0f9e6ed5-0f9f-4c39-9c70-50fd6fb0b9a6';
    await device.status();
    await device.alarm('raised', alarm);
    await device.status({ state: 'offline', cameras: [] });
    await device.status();
    await device.alarm('acknowledged', alarm);
    await device.alarm('cleared', alarm);
    const message = 'Too many rejects: look at the mould.';
    await waitFor(() =>
      expect(lights('plant/plant1/amber/amberlight')).toEqual([
        { on: false, because: [] },
        { on: true, because: [message] },
        { on: true, because: [message, 'jetson7 is offline'] },
        { on: true, because: [message] },
        { on: false, because: [] },
      ]),
    );
  });

  it('sends commands and shows the replies', async () => {
    const device = await scripted('commanded');
    const press = async (button: string) =>
      expect((await fetch(`${admin}/inject/${button}`, { method: 'POST' })).status).toBe(200);
    await press('trigger');
    await waitFor(() => expect(output()).toMatch(/trigger: ok reject/));
    await press('recipe');
    await waitFor(() => expect(output()).toMatch(/recipe: ok/));
    expect(device.asked).toEqual([
      { name: 'trigger', args: { camera: 'belt' } },
      { name: 'recipe', args: { camera: 'belt', class: 'cap' } },
    ]);
  });

  it('follows a real device', async () => {
    const [counts, lights] = [await hear('plant/+/+/count'), await hear('plant/+/+/redlight')];
    const results = await inspect('nodered', 6);
    const rejects = results.filter(({ verdict }) => verdict === 'reject');
    expect(rejects).toHaveLength(3);
    await waitFor(() =>
      expect(counts('plant/plant1/nodered/count').at(-1)).toEqual({ pass: 3, reject: 3, unknown: 0 }),
    );
    expect(lights('plant/plant1/nodered/redlight')[0]).toMatchObject({ on: true, device: 'real', id: rejects[0]?.id });
  });
});

describe('the Python subscriber', () => {
  function subscribe(...args: string[]) {
    const script = join(ROOT, 'examples/python/beltsight_subscriber.py');
    const running = start('/usr/bin/python3', [script, '--port', `${broker.port}`, ...args], { cwd: folder });
    closers.push(async () => {
      running.process.kill();
      await running.ended;
    });
    return running;
  }
  const saved = async (out: string) =>
    (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.png'));

  it('hands out each result once and saves the heatmaps of rejects, whichever comes first', async () => {
    const out = join(folder, 'rejects');
    const { output } = subscribe('--line', 'python', '--out', out);
    await waitFor(() => expect(output()).toMatch(/connected/));
    const device = await scripted('python');
    await device.status();
    const ids = [v7(), v7(), v7()] as const;
    await device.heatmap(ids[0]);
    await device.result({ id: ids[0] }, 3);
    await device.heatmap(ids[1]);
    await device.result({ id: ids[1], verdict: 'pass' });
    await device.result({ id: ids[2], verdict: 'unknown' });
    await device.heatmap(ids[2]);
    await waitFor(async () => expect(await saved(out)).toHaveLength(2));
    const names = (await saved(out)).sort();
    expect(names).toEqual(
      [ids[0], ids[2]].map((id) => expect.stringMatching(new RegExp(`^belt/\\d{8}T\\d{6}-${id}\\.png$`))),
    );
    expect(decodeHeatmap(await readFile(join(out, names[0] as string))).id).toBe(ids[0]);
    expect(
      output()
        .split('\n')
        .filter((line) => line.includes(ids[0])),
    ).toHaveLength(1);
    expect(output()).toMatch(/plant1\/python\/jetson7 online/);
  });

  it('goes on after messages that are none', async () => {
    const { output } = subscribe('--line', 'strange', '--out', join(folder, 'strange'));
    await waitFor(() => expect(output()).toMatch(/connected/));
    const device = await scripted('strange');
    const topic = 'beltsight/1/plant1/strange/jetson7/camera/belt';
    const strange = ['', '{', '[]', '{"schema":"beltsight.result/1"}', '['.repeat(100_000)];
    for (const payload of strange) await device.publish(`${topic}/result`, payload);
    await device.publish(`${topic}/heatmap`, '\u0089PNG');
    await device.publish('beltsight/1/plant1/strange/jetson7/status', '{"schema":"beltsight.status/1","cameras":7}');
    const { id } = await device.result();
    await waitFor(() => expect(output()).toContain(id));
    expect(
      output()
        .split('\n')
        .filter((line) => line.startsWith(topic)),
    ).toHaveLength(strange.length + 1);
  });

  it('follows a real device after the broker was restarted', async () => {
    const out = join(folder, 'real');
    const { output } = subscribe('--line', 'restart', '--client-id', 'examples-python', '--out', out);
    await waitFor(() => expect(output()).toMatch(/connected/));
    const { port } = broker;
    await broker.stop();
    broker = await startMosquitto('', port);
    await waitFor(() => expect(output().match(/connected/g)).toHaveLength(2));
    const results = await inspect('restart', 6);
    const lines = () =>
      output()
        .split('\n')
        .filter((line) => /pass|reject/.test(line));
    await waitFor(() => expect(lines().map((line) => line.split(' ').at(-1))).toEqual(results.map(({ id }) => id)));
    const rejects = results.filter(({ verdict }) => verdict === 'reject');
    await waitFor(async () => expect(await saved(out)).toHaveLength(rejects.length));
  });
});

describe('the Home Assistant discovery', () => {
  const config = (...levels: string[]) => `homeassistant/device/${idOf('plant1', ...levels)}/config`;

  function announce(...args: string[]) {
    const program = join(ROOT, 'examples/dist/home-assistant.js');
    const running = start(process.execPath, [program, '--broker', broker.url, ...args]);
    closers.push(async () => {
      running.process.kill();
      await running.ended;
    });
    return running;
  }

  /** What is retained at this moment, parsed; undefined: nothing. */
  async function retained(topic: string): Promise<DeviceConfig | undefined> {
    const client = await connectMqtt(broker.url);
    const heard: string[] = [];
    client.on('message', (_, payload) => heard.push(payload.toString()));
    // Our own message comes last: what is retained has come by then.
    await client.subscribeAsync([topic, 'examples/last'], { qos: 1 });
    await client.publishAsync('examples/last', 'last', { qos: 1 });
    await waitFor(() => expect(heard).toContain('last'));
    await client.endAsync();
    return heard.length > 1 ? JSON.parse(heard[0] as string) : undefined;
  }

  it('announces a device and its cameras, and takes back what is gone', async () => {
    announce();
    const device = await scripted('home');
    await device.status();
    await waitFor(async () => expect(await retained(config('home', 'jetson7', 'belt'))).toBeDefined());
    expect((await retained(config('home', 'jetson7')))?.device.name).toBe('jetson7');
    await device.status({ state: 'offline' });
    const [camera] = online(SCRIPTED).cameras ?? [];
    await device.status({ cameras: [{ ...(camera as CameraStatus), name: 'lid' }] });
    await waitFor(async () => expect(await retained(config('home', 'jetson7', 'lid'))).toBeDefined());
    await waitFor(async () => expect(await retained(config('home', 'jetson7', 'belt'))).toBeUndefined());
    await device.publish('beltsight/1/plant1/home/jetson7/status', '', true);
    await waitFor(async () => expect(await retained(config('home', 'jetson7'))).toBeUndefined());
    await waitFor(async () => expect(await retained(config('home', 'jetson7', 'lid'))).toBeUndefined());
  });

  it('takes back, after a restart, what it announced of a device that is not there any more', async () => {
    const first = announce();
    const device = await scripted('gone');
    await device.status();
    await waitFor(async () => expect(await retained(config('gone', 'jetson7', 'belt'))).toBeDefined());
    first.process.kill();
    await first.ended;
    await device.publish('beltsight/1/plant1/gone/jetson7/status', '', true);
    announce('--settle-seconds', '1');
    await waitFor(async () => expect(await retained(config('gone', 'jetson7', 'belt'))).toBeUndefined());
    expect(await retained(config('gone', 'jetson7'))).toBeUndefined();
  });

  it('has templates that find their values in real messages, and none where there is none', async () => {
    const address = { ...SCRIPTED, line: 'templates' };
    const heard = new Map<string, string[]>();
    const client = await connectMqtt(broker.url);
    closers.push(() => client.endAsync(true));
    client.on('message', (topic, payload) => heard.set(topic, [...(heard.get(topic) ?? []), payload.toString()]));
    await client.subscribeAsync('beltsight/1/plant1/templates/#', { qos: 1 });
    const device = await scripted('templates');
    await device.status();
    await device.result();
    const nothing = { name: null, source: 'recognised', distance: 1.2 } as const;
    await device.result({ verdict: 'unknown', threshold: null, pValue: null, class: nothing });
    await device.alarm('raised', '0f9e6ed5-0f9f-4c39-9c70-50fd6fb0b9a6');
    await device.status({ state: 'offline', cameras: undefined as never, model: undefined as never });
    await waitFor(() => expect([...heard.values()].flat()).toHaveLength(5));
    const configs = [...configsOf(address, online(address)).values()];
    const jobs = configs.flatMap(({ components, availability }) => [
      ...Object.entries(components).flatMap(([key, { state_topic, value_template }]) =>
        (heard.get(`${state_topic}`) ?? []).map((payload) => ({ key, template: `${value_template}`, payload })),
      ),
      ...(availability ?? []).flatMap(({ topic, value_template }) =>
        (heard.get(topic) ?? []).map((payload) => ({ key: 'available', template: value_template, payload })),
      ),
    ]);
    const rendered = new Map<string, string[]>();
    renderJinja(jobs).forEach((value, i) => {
      const { key = '' } = jobs[i] ?? {};
      rendered.set(key, [...(rendered.get(key) ?? []), value]);
    });
    expect(Object.fromEntries(rendered)).toEqual({
      // The device's state first, then the camera's.
      state: ['online', 'offline', 'running', 'None'],
      model: ['a0d9f4b8b5cf31fc', 'None'],
      provider: ['cpu', 'cpu'],
      available: ['online', 'offline'],
      verdict: ['reject', 'unknown'],
      reject: ['ON', 'ON'],
      score: ['1.5', '1.5'],
      threshold: ['0.9', 'None'],
      p_value: ['0.05', 'None'],
      class: ['cap', 'None'],
      latency: ['41', '41'],
      inspected: ['10', 'None'],
      dropped: ['2', 'None'],
      rate: ['3.5', 'None'],
      alarm: ['ON'],
    });
  });
});

/** Templates rendered by Jinja, which Home Assistant uses, with `value_json` as it has there. */
function renderJinja(jobs: readonly { template: string; payload: string }[]): string[] {
  const program = `
import json, sys, jinja2
environment = jinja2.Environment()
print(json.dumps([environment.from_string(job["template"]).render(value_json=json.loads(job["payload"])) for job in json.load(sys.stdin)]))`;
  return JSON.parse(
    execFileSync('/usr/bin/python3', ['-c', program], { input: JSON.stringify(jobs), encoding: 'utf8' }),
  );
}
