import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type CameraStatus, connectMqtt, topicsOf } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import { configsOf, type DeviceConfig, idOf } from '../../examples/home-assistant/discovery.js';
import { ExampleBench } from '../support/example-bench.js';
import { waitFor } from '../support/patience.js';
import { ROOT, start } from '../support/processes.js';
import { online, SCRIPTED } from '../support/scripted-device.js';

const bench = ExampleBench.forThisFile();

describe('the Home Assistant discovery', () => {
  const config = (...levels: string[]) => `homeassistant/device/${idOf('plant1', ...levels)}/config`;

  function announce(...args: string[]) {
    const program = join(ROOT, 'examples/dist/home-assistant.js');
    return bench.ending(start(process.execPath, [program, '--broker', bench.url, ...args]));
  }

  /** What is retained at this moment, parsed; undefined: nothing. */
  async function retained(topic: string): Promise<DeviceConfig | undefined> {
    const client = await connectMqtt(bench.url);
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
    const device = await bench.scripted('home');
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
    const device = await bench.scripted('gone');
    await device.status();
    await waitFor(async () => expect(await retained(config('gone', 'jetson7', 'belt'))).toBeDefined());
    first.process.kill();
    await first.ended;
    await device.publish('beltsight/1/plant1/gone/jetson7/status', '', true);
    announce('--settle-seconds', '1');
    await waitFor(async () => expect(await retained(config('gone', 'jetson7', 'belt'))).toBeUndefined());
    expect(await retained(config('gone', 'jetson7'))).toBeUndefined();
  });

  it('takes back a device that was offline for as long as was asked for, and announces it anew when it is back', async () => {
    announce('--forget-hours', '0.0001');
    const device = await bench.scripted('away');
    await device.status();
    await waitFor(async () => expect(await retained(config('away', 'jetson7', 'belt'))).toBeDefined());
    await device.status({ state: 'offline' });
    await waitFor(async () => expect(await retained(config('away', 'jetson7', 'belt'))).toBeUndefined());
    await device.status();
    await waitFor(async () => expect(await retained(config('away', 'jetson7', 'belt'))).toBeDefined());
  });

  it('has templates that find their values in real messages, and none where there is none', async () => {
    const address = { ...SCRIPTED, line: 'templates' };
    const heard = await bench.hear('beltsight/1/plant1/templates/#');
    const device = await bench.scripted('templates');
    await device.status();
    await device.result();
    const nothing = { name: null, source: 'recognised', distance: 1.2 } as const;
    await device.result({ verdict: 'unknown', threshold: null, pValue: null, class: nothing });
    await device.alarm('raised', '0f9e6ed5-0f9f-4c39-9c70-50fd6fb0b9a6');
    await device.status({ state: 'offline', cameras: undefined as never, model: undefined as never });
    const { status, result, alarm } = topicsOf(address);
    await waitFor(() => {
      const counts = [status, result('belt'), alarm('belt')].map((topic) => heard(topic).length);
      expect(counts).toEqual([2, 2, 1]);
    });
    const configs = [...configsOf(address, online(address)).values()];
    const jobs = configs.flatMap(({ components, availability }) => [
      ...Object.entries(components).flatMap(([key, { state_topic, value_template }]) =>
        heard(`${state_topic}`).map((payload) => ({ key, template: `${value_template}`, payload })),
      ),
      ...(availability ?? []).flatMap(({ topic, value_template }) =>
        heard(topic).map((payload) => ({ key: 'available', template: value_template, payload })),
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
