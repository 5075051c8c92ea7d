import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ExampleBench } from '../support/example-bench.js';
import { npmFolder } from '../support/npm-folder.js';
import { waitFor } from '../support/patience.js';
import { freePort, ROOT, type Running, start } from '../support/processes.js';

const bench = ExampleBench.forThisFile();

describe('the Node-RED flow', () => {
  let admin: string;
  let output: () => string;
  let running: Running;

  beforeAll(async () => {
    const program = join(npmFolder('examples/node-red'), 'node_modules/node-red/red.js');
    // What the README says to change: broker and device.
    const flow = (await readFile(join(ROOT, 'examples/node-red/flows.json'), 'utf8'))
      .replace('"broker": "localhost"', '"broker": "127.0.0.1"')
      .replace('"port": "1883"', `"port": "${bench.port}"`)
      .replace('beltsight/1/plant1/line1/jetson7', 'beltsight/1/plant1/commanded/jetson7');
    const user = join(bench.folder, 'node-red');
    await mkdir(user);
    await writeFile(join(user, 'flows.json'), flow);
    const port = await freePort();
    admin = `http://127.0.0.1:${port}`;
    const args = ['--userDir', user, '--port', `${port}`, '-D', 'uiHost=127.0.0.1', 'flows.json'];
    running = start(process.execPath, [program, ...args], { cwd: user });
    output = running.output;
    // Loads its palette first.
    const started = () => expect(output()).toMatch(/Connected to broker/);
    await vi.waitFor(started, { timeout: 120_000, interval: 100 });
  });

  afterAll(async () => {
    running?.process.kill();
    await running?.ended;
  });

  /** Payloads of a topic filter by topic, parsed. */
  async function payloads(filter: string): Promise<(topic: string) => unknown[]> {
    const heard = await bench.hear(filter);
    return (topic) => heard(topic).map((payload) => JSON.parse(payload));
  }

  it('switches the red light on at a reject, and off again', async () => {
    const lights = await payloads('plant/+/+/redlight');
    const device = await bench.scripted('red');
    await device.result({ verdict: 'pass', score: 0.1 });
    const { id } = await device.result();
    const on = { on: true, verdict: 'reject', device: 'jetson7', camera: 'belt', id };
    await waitFor(() => expect(lights('plant/plant1/red/redlight')).toEqual([on, { on: false }]));
  });

  it('counts each result once, however often it is delivered', async () => {
    const counts = await payloads('plant/+/+/count');
    const device = await bench.scripted('count');
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
    const lights = await payloads('plant/+/+/amberlight');
    const device = await bench.scripted('amber');
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
    const device = await bench.scripted('commanded');
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
    const [counts, lights] = [await payloads('plant/+/+/count'), await payloads('plant/+/+/redlight')];
    const results = await bench.inspect('nodered', 6);
    const rejects = results.filter(({ verdict }) => verdict === 'reject');
    expect(rejects).toHaveLength(3);
    await waitFor(() =>
      expect(counts('plant/plant1/nodered/count').at(-1)).toEqual({ pass: 3, reject: 3, unknown: 0 }),
    );
    expect(lights('plant/plant1/nodered/redlight')[0]).toMatchObject({ on: true, device: 'real', id: rejects[0]?.id });
  });
});
