import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alarmSchema, type RejectMessage, rejectSchema, type StatusMessage } from '@beltsight/sdk';
import type { IClientPublishOptions, IPublishPacket } from 'mqtt';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeGpio } from '../../../test/support/fake-gpio.js';
import { modelInUse } from '../../../test/support/model-in-use.js';
import { waitFor } from '../../../test/support/patience.js';
import { figuresOf } from '../../../test/support/publisher-figures.js';
import { resultOf } from '../../../test/support/result-message.js';
import { deviceConfigSchema } from '../config/schema.js';
import type { Publisher, PublisherFigures } from '../publish/publisher.js';
import { Outputs } from './outputs.js';

let folder: string;
let runs = 0;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-outputs-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const GPIO = { chip: 'ftdi', line: 3, pulseMs: 40 };

/** Outputs of camera "belt" with a fake broker and a fake chip. */
async function start(
  { signal, ...others }: { signal?: object; [key: string]: unknown },
  rest: object = {},
  cameras = ['belt'],
) {
  // A loaded machine is later than a line would bear.
  const outputs = signal === undefined ? others : { ...others, signal: { maxLateMs: 30_000, ...signal } };
  const config = deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: 'none',
    state: join(folder, `${runs++}`),
    broker: { url: 'mqtt://127.0.0.1' },
    cameras: cameras.map((name) => ({ name, source: { type: 'test' }, outputs })),
    ...rest,
  });
  const gpio = new FakeGpio({ gpiochip0: { label: 'ftdi', lines: ['', '', '', ''] } });
  const errors: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line) => errors.push(JSON.parse(line).msg) });
  const broker = {
    takes: true,
    figures: { ...figuresOf() } as { -readonly [K in keyof PublisherFigures]: PublisherFigures[K] },
    said: [] as { topic: string; text: string; options: IClientPublishOptions; atMs: number }[],
    retained: [] as { topic: string; payload: Buffer; properties: IClientPublishOptions['properties'] }[],
    listeners: [] as { topic: string; listener: (message: IPublishPacket) => void }[],
    say: (topic: string, payload: Buffer, options: IClientPublishOptions) =>
      void broker.said.push({ topic, text: payload.toString(), options, atMs: performance.now() }),
    sayNow: (...said: Parameters<Publisher['sayNow']>) => {
      broker.say(...said);
      return broker.takes;
    },
    retain: (...[topic, payload, properties]: Parameters<Publisher['retain']>) =>
      void broker.retained.push({ topic, payload, properties }),
    subscribe: (topic: string, listener: (message: IPublishPacket) => void) =>
      void broker.listeners.push({ topic, listener }),
  };
  const work = { busyMs: 0 };
  const opened = await Outputs.open(config, logger, gpio);
  closers.push(() => opened.close());
  const classes = [{ name: 'cap', falseRejectRate: { wanted: 0.05, attained: 0.05 } }];
  opened.start({ publisher: broker, model: modelInUse({ classes }), busyMs: () => work.busyMs });
  const rejects = () =>
    broker.said
      .filter(({ topic }) => topic.endsWith('/reject'))
      .map(({ text }) => rejectSchema.parse(JSON.parse(text)) as RejectMessage);
  const result = (verdict: 'pass' | 'reject' | 'unknown', latencyMs = 0, camera = 'belt') => {
    const message = resultOf({ verdict, camera, count: 7, latencyMs });
    opened.result(message);
    return message;
  };
  const figures = (name = 'belt') =>
    opened.withSignals({ name, state: 'running', frames: 0, dropped: 0, inspected: 0, rateHz: 0 }).signals;
  return { outputs: opened, broker, gpio, errors, rejects, result, figures, work };
}

describe('the reject signal', () => {
  it('comes on our topic at once unless told otherwise, for rejects and unknown products', async () => {
    const { broker, rejects, result, figures } = await start({ signal: {} });
    result('pass');
    const bad = result('reject');
    const unknown = result('unknown');
    expect(rejects()).toMatchObject([
      { camera: 'belt', results: [bad.id], verdict: 'reject', class: 'cap' },
      { camera: 'belt', results: [unknown.id], verdict: 'unknown', class: null },
    ]);
    expect(broker.said[0]).toMatchObject({
      topic: 'beltsight/1/s/l/d/camera/belt/reject',
      options: { qos: 0, properties: { messageExpiryInterval: 1 } },
    });
    expect(broker.said[0]?.options.retain).toBeUndefined();
    expect(figures()).toEqual({ sent: 2, lost: 0, pending: 0 });
  });

  it('is not late where it names no way to the ejector, however long the device took', async () => {
    const { rejects, result, figures } = await start({ signal: { maxLateMs: 1000 } });
    result('reject', 5000);
    expect(rejects()).toHaveLength(1);
    expect(rejects()[0]?.lateMs).toBeLessThan(1000);
    expect(figures()).toEqual({ sent: 1, lost: 0, pending: 0 });
  });

  it('lets unknown products pass where configured', async () => {
    const { rejects, result } = await start({ signal: {}, unknown: 'pass' });
    result('unknown');
    result('reject');
    expect(rejects()).toHaveLength(1);
  });

  it('is not sent without a section for it', async () => {
    const { broker, result, figures } = await start({});
    result('reject');
    expect(broker.said).toEqual([]);
    expect(figures()).toBeUndefined();
  });

  it('comes a delay after the capture, not after the result, on every way that is configured', async () => {
    const plc = { topic: 'plc/eject', payload: '{"v":"{{verdict}}","n":{{count}},"c":"{{class}}"}' };
    const { broker, gpio, rejects, result, figures } = await start({ signal: { delayMs: 150, plc, gpio: GPIO } });
    const captured = performance.now() - 100;
    result('reject', 100);
    expect(figures()).toEqual({ sent: 0, lost: 0, pending: 1 });
    await waitFor(() => expect(rejects()).toHaveLength(1));
    await waitFor(() => expect(gpio.edges.map(({ high }) => high)).toEqual([false, true, false]));
    const eject = broker.said.find(({ topic }) => topic === 'plc/eject');
    expect(eject).toMatchObject({ text: '{"v":"reject","n":7,"c":"cap"}', options: { qos: 0 } });
    const [, on, off] = gpio.edges;
    expect(on?.atMs).toBeGreaterThanOrEqual(captured + 150);
    expect(eject?.atMs).toBeGreaterThanOrEqual(captured + 150);
    expect((off?.atMs ?? 0) - (on?.atMs ?? 0)).toBeGreaterThanOrEqual(39);
  });

  it('resets the value of a PLC so long after the last signal', async () => {
    const plc = { topic: 'plc/eject', reset: { afterMs: 50 } };
    const { broker, result } = await start({ signal: { plc } });
    result('reject');
    result('reject');
    const values = () => broker.said.filter(({ topic }) => topic === 'plc/eject').map(({ text }) => text);
    await waitFor(() => expect(values()).toEqual(['1', '1', '0']));
  });

  it('is not given when it is too late, but counted and told of once', async () => {
    const { broker, gpio, errors, result, figures } = await start({
      signal: { delayMs: 100, maxLateMs: 1000, gpio: GPIO },
    });
    result('reject', 5000);
    result('reject', 5000);
    result('reject', 300);
    expect(figures()).toEqual({ sent: 1, lost: 2, pending: 0 });
    expect(errors).toEqual([expect.stringMatching(/bad product passes.*"belt".*maxLateMs \(1000\) late/)]);
    expect(JSON.parse(broker.said[0]?.text ?? '').lateMs).toBeGreaterThanOrEqual(200);
    expect(gpio.edges.map(({ high }) => high)).toEqual([false, true]);
  });

  it('never waits for a broker that is away, and the line is pulsed all the same', async () => {
    const { broker, gpio, errors, result, figures } = await start({ signal: { gpio: GPIO } });
    broker.figures.connected = false;
    result('reject');
    result('reject');
    expect(broker.said).toEqual([]);
    expect(gpio.level('gpiochip0:3')).toBe(true);
    expect(errors).toEqual([expect.stringMatching(/no connection to the broker/)]);
    expect(figures()).toEqual({ sent: 2, lost: 0, pending: 0 });
  });

  it('counts as lost when the broker takes no more, but for what a line got', async () => {
    const plc = { topic: 'plc/eject', qos: 1 };
    const told = await start({ signal: { plc } });
    told.broker.takes = false;
    told.result('reject');
    expect(told.figures()).toEqual({ sent: 0, lost: 1, pending: 0 });
    expect(told.errors).toEqual([expect.stringMatching(/bad product passes.*broker takes no more messages/)]);
    const pulsed = await start({ signal: { plc, gpio: GPIO } });
    pulsed.broker.takes = false;
    pulsed.result('reject');
    expect(pulsed.figures()).toEqual({ sent: 1, lost: 0, pending: 0 });
  });

  it('counts as lost when its only way is the broker and that is away', async () => {
    const { broker, result, figures } = await start({ signal: {} });
    broker.figures.connected = false;
    result('reject');
    expect(figures()).toEqual({ sent: 0, lost: 1, pending: 0 });
  });

  it('is sent though its line fails, counts as lost, and the line is taken anew', async () => {
    const { gpio, errors, rejects, result, figures } = await start({ signal: { gpio: GPIO } });
    gpio.fail('GPIO_V2_LINE_SET_VALUES_IOCTL', 'ENODEV');
    result('reject');
    expect(rejects()).toHaveLength(1);
    expect(figures()).toMatchObject({ sent: 0, lost: 1 });
    expect(errors.at(-1)).toMatch(/bad product passes.*the chip is gone/);
    gpio.mend();
    result('reject');
    expect(gpio.level('gpiochip0:3')).toBe(true);
    expect(figures()).toMatchObject({ sent: 1, lost: 1 });
  });

  it('does not leave the ejector on when its line fails at the end of the pulse', async () => {
    const { gpio, errors, result } = await start({ signal: { gpio: GPIO } });
    result('reject');
    gpio.fail('GPIO_V2_LINE_SET_VALUES_IOCTL', 'EIO');
    await waitFor(() => expect(errors).toEqual([expect.stringMatching(/line 3 .*cannot be set \(EIO\)/)]));
    expect(gpio.level('gpiochip0:3')).toBe(true);
    gpio.mend();
    await waitFor(() => expect(gpio.level('gpiochip0:3')).toBe(false));
    expect(errors).toHaveLength(1);
  });

  it('is one pulse where two cameras share the ejector', async () => {
    const { gpio, result } = await start({ signal: { gpio: GPIO } }, {}, ['belt', 'side']);
    result('reject', 0, 'belt');
    result('reject', 0, 'side');
    await waitFor(() => expect(gpio.edges.map(({ high }) => high)).toEqual([false, true, false]));
    expect(gpio.held).toBe(1);
  });

  it('that is due while the service ends is given; one that is not is counted and told of', async () => {
    const { outputs, gpio, rejects, errors, result } = await start({ signal: { delayMs: 200, gpio: GPIO } });
    result('reject');
    await outputs.close();
    expect(rejects()).toHaveLength(1);
    expect(errors).toEqual([]);
    expect(gpio.edges.map(({ high }) => high)).toEqual([false, true, false]);
    expect((gpio.edges[2]?.atMs ?? 0) - (gpio.edges[1]?.atMs ?? 0)).toBeGreaterThanOrEqual(39);
    expect(gpio.held).toBe(0);
    const far = await start({ signal: { delayMs: 3_600_000 } });
    far.result('reject');
    await far.outputs.close();
    expect(far.rejects()).toEqual([]);
    expect(far.errors).toEqual([expect.stringMatching(/service ended before.*look at what is on the belt/)]);
  });
});

const tellEncoder =
  ({ listeners }: Awaited<ReturnType<typeof start>>['broker']) =>
  async (count: number) => {
    const encoders = listeners.filter(({ topic }) => topic === 'plc/encoder');
    for (const { listener } of encoders) listener({ payload: `${count}` } as never);
    await new Promise((resolve) => setImmediate(resolve));
  };

describe('the reject signal by an encoder', () => {
  const signal = { distance: 500, encoder: { topic: 'plc/encoder' } };

  it('comes when the belt has moved so far, and waits while it stands', async () => {
    const { broker, rejects, result, figures } = await start({ signal });
    const tell = tellEncoder(broker);
    await tell(2 ** 32 - 100);
    await tell(2 ** 32 - 100);
    result('reject');
    await tell(200);
    await tell(200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(figures()).toEqual({ sent: 0, lost: 0, pending: 1 });
    await tell(400);
    expect(rejects()).toHaveLength(1);
  });

  it('is lost where no position is known or the encoder begins anew', async () => {
    const { broker, errors, result, figures } = await start({ signal });
    result('reject');
    expect(errors).toEqual([expect.stringMatching(/no position when the frame was captured/)]);
    const tell = tellEncoder(broker);
    await tell(10_000);
    result('reject');
    await tell(3);
    expect(figures()).toEqual({ sent: 0, lost: 2, pending: 0 });
    expect(errors.at(-1)).toMatch(/encoder began anew/);
  });

  it('moves every camera that listens to one topic', async () => {
    const { broker, rejects, result } = await start({ signal }, {}, ['belt', 'side']);
    const tell = tellEncoder(broker);
    await tell(0);
    await tell(0);
    result('reject', 0, 'belt');
    result('reject', 0, 'side');
    await tell(600);
    expect(rejects().map(({ camera }) => camera)).toEqual(['belt', 'side']);
  });
});

describe('the alarm', () => {
  it('is retained on the topic of its camera, and acknowledged by its id', async () => {
    const alarm = { rejects: { chart: 'ewma', lambda: 0.1, width: 3 } };
    const { outputs, broker, result } = await start({ alarm });
    for (let i = 0; i < 30; i++) result('pass');
    for (let i = 0; i < 10; i++) result('reject');
    expect(broker.retained).toMatchObject([
      { topic: 'beltsight/1/s/l/d/camera/belt/alarm', properties: { contentType: 'application/json' } },
    ]);
    const raised = alarmSchema.parse(JSON.parse(broker.retained[0]?.payload.toString() ?? ''));
    expect(outputs.acknowledge('other', raised.id)).toBe(false);
    expect(outputs.acknowledge('belt', raised.id, 'Ada')).toBe(true);
    expect(broker.retained).toHaveLength(2);
  });

  it.each([
    ['the outputs of its camera are', 'belt'],
    ['its camera is', 'side'],
  ])('is over when %s no longer configured', async (_, name) => {
    const state = join(folder, `${runs++}`);
    const alarm = { rejects: { chart: 'ewma', lambda: 0.1, width: 3 } };
    const first = await start({ alarm }, { state });
    for (let i = 0; i < 30; i++) first.result('pass');
    for (let i = 0; i < 10; i++) first.result('reject');
    await first.outputs.close();
    const cameras = [{ name, source: { type: 'test' } }];
    const { broker, outputs, result } = await start({}, { state, cameras });
    const [raised, cleared] = [first, { broker }].map(({ broker: { retained } }) =>
      alarmSchema.parse(JSON.parse(retained[0]?.payload.toString() ?? '')),
    );
    expect(broker.retained).toMatchObject([{ topic: 'beltsight/1/s/l/d/camera/belt/alarm' }]);
    expect(cleared).toMatchObject({ id: raised?.id, state: 'cleared', message: expect.stringMatching(/no longer/) });
    result('reject');
    expect(outputs.acknowledge('belt', raised?.id ?? '')).toBe(false);
    expect(broker.retained).toHaveLength(1);
  });

  it('is said to stay as it is where the folder of alarms cannot be read', async () => {
    const state = join(folder, `${runs++}`);
    await mkdir(state);
    await writeFile(join(state, 'alarm'), 'a file where a folder should be');
    const { errors } = await start({}, { state });
    expect(errors).toContainEqual(expect.stringMatching(/alarm cannot be read: alarms of cameras .* stay as they are/));
  });

  it('leaves nothing on the disk where none was ever configured', async () => {
    const state = join(folder, `${runs++}`);
    const cameras = [{ name: 'belt', source: { type: 'test' } }];
    const { outputs, broker } = await start({}, { state, cameras });
    await outputs.close();
    expect(broker.retained).toEqual([]);
    expect(existsSync(state)).toBe(false);
  });
});

describe('the heartbeat', () => {
  it('counts on its topic and makes a wave on its line while cameras inspect', async () => {
    const heartbeat = { periodMs: 20, gpio: { chip: 'ftdi', line: 0 } };
    const { outputs, broker, gpio, work } = await start({}, { heartbeat });
    outputs.status({ cameras: [{ name: 'belt', state: 'running' }] } as StatusMessage);
    await waitFor(() => expect(broker.said.length).toBeGreaterThan(3));
    expect(broker.said.slice(0, 3).map(({ topic, text }) => [topic, text])).toEqual(
      ['1', '2', '3'].map((number) => ['beltsight/1/s/l/d/heartbeat', number]),
    );
    expect(gpio.edges.length).toBeGreaterThanOrEqual(4);
    work.busyMs = 6000;
    const before = broker.said.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(broker.said.length).toBeLessThanOrEqual(before + 1);
    expect(gpio.level('gpiochip0:0')).toBe(false);
  });
});

describe('Outputs', () => {
  it('does not open when a line cannot be had', async () => {
    await expect(start({ signal: { gpio: { ...GPIO, chip: 'gone' } } })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
  });

  it.each<[string, { signal?: object; alarm?: object }, RegExp]>([
    ['a delay and a distance', { signal: { delayMs: 1, distance: 1, encoder: { topic: 'e' } } }, /not both/],
    ['a distance without an encoder', { signal: { distance: 1 } }, /go together/],
    ['a placeholder that is none', { signal: { plc: { topic: 'p', payload: '{{nme}}' } } }, /\{\{id\}\}/],
    ['a topic with a wildcard', { signal: { plc: { topic: 'p/#' } } }, /wildcards/],
    ['an unknown rate without a target', { alarm: { unknown: { chart: 'ewma' } } }, /target/],
  ])('refuses %s', async (_, outputs, message) => {
    await expect(start(outputs)).rejects.toThrow(message);
  });
});
