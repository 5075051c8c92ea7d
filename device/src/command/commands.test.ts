import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CommandName,
  connectMqtt,
  InspectionClient,
  type ReplyMessage,
  type ResultMessage,
  replySchema,
  resultSchema,
  type StatusMessage,
  topicsOf,
} from '@beltsight/sdk';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { deviceConfigSchema } from '../config/schema.js';
import { DeviceService } from '../service/service.js';
import { callService } from './local/call.js';

let folder: string;
let number = 0;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-commands-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  for (const [name, pixels] of [
    ['1-red.png', tinyImage('red')],
    ['2-blue-bad.png', tinyImage('blue', 255)],
    ['3-blue.png', tinyImage('blue')],
  ] as const) {
    await sharp(pixels, { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(
      join(folder, 'images', name),
    );
  }
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ADDRESS = { site: 's', line: 'l', device: 'd' };
const topics = topicsOf(ADDRESS);
const EVERYTHING = {
  recipe: 'remote',
  threshold: 'remote',
  trigger: 'remote',
  collect: 'remote',
  pause: 'remote',
  acknowledge: 'remote',
  status: 'remote',
};

async function startBroker() {
  const broker = await startEmbeddedBroker();
  closers.push(broker.close);
  return broker.port;
}

interface Set {
  readonly camera?: object;
  readonly source?: object;
  readonly commands?: object;
  readonly state?: string;
  readonly port?: number;
}

/** A running device, someone who hears it, and someone who commands it. */
async function setUp({ camera = {}, source = {}, commands = { allow: EVERYTHING }, ...rest }: Set = {}) {
  const port = rest.port ?? (await startBroker());
  const url = `mqtt://127.0.0.1:${port}`;
  const state = rest.state ?? (await mkdtemp(join(folder, 'state-')));
  const seen = { results: [] as ResultMessage[], statuses: [] as StatusMessage[] };
  const listener = await InspectionClient.connect(url);
  closers.push(() => listener.close());
  listener.on('result', (result) => seen.results.push(result));
  listener.on('status', (status) => seen.statuses.push(status));
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(line) });
  const config = deviceConfigSchema.parse({
    ...ADDRESS,
    bundle: join(folder, 'bundle'),
    state,
    broker: { url },
    cameras: [
      {
        name: 'belt',
        source: { type: 'folder', path: join(folder, 'images'), rateHz: 50, loop: true, ...source },
        ...camera,
      },
    ],
    statusSeconds: 0.2,
    commands,
    collect: { reserveMegabytes: 0 },
  });
  const service = await DeviceService.open(config, logger);
  const running = service.run();
  const stop = async () => {
    service.stop();
    await running;
  };
  closers.push(stop);
  const sender = await connectMqtt(url);
  closers.push(() => sender.endAsync(true));
  const replies: ReplyMessage[] = [];
  sender.on('message', (_, payload) => replies.push(replySchema.parse(JSON.parse(payload.toString()))));
  await sender.subscribeAsync(topics.reply('x').replace('/x', '/+'), { qos: 1 });
  const camerasOf = () => seen.statuses.at(-1)?.cameras ?? [];
  await waitFor(() => expect(camerasOf()[0]?.state).toBe('running'));
  /** Asks by MQTT and waits for the reply. */
  const ask = async (name: CommandName, args: object = {}, id = `r${number++}`) => {
    const before = replies.length;
    const request = { schema: 'beltsight.command/1', id, args };
    await sender.publishAsync(topics.command(name), JSON.stringify(request), { qos: 1 });
    return waitFor(() => {
      const reply = replies.slice(before).find((candidate) => candidate.id === id);
      expect(reply).toBeDefined();
      return reply as ReplyMessage;
    });
  };
  const local = (command: string, args: object = {}, id = `l${number++}`) =>
    callService(
      state,
      { schema: 'beltsight.command/1', command, id, args: args as Record<string, unknown>, device: ADDRESS },
      30_000,
    );
  return { ask, local, sender, seen, camerasOf, stop, state, lines, replies, port };
}

const audits = (lines: readonly string[]) =>
  lines.map((line) => JSON.parse(line)).filter((line) => line.audit === true);

describe('commands to a running device', () => {
  it('name the product, which results and status then say, also after a restart', async () => {
    const first = await setUp();
    expect(await first.ask('recipe', { camera: 'belt', class: 'red' })).toMatchObject({
      ok: true,
      command: 'recipe',
      value: { camera: 'belt', class: 'red' },
    });
    await waitFor(() => expect(first.seen.results.at(-1)?.class).toMatchObject({ name: 'red', source: 'recipe' }));
    await waitFor(() => expect(first.camerasOf()[0]?.class).toBe('red'));
    await first.stop();
    const second = await setUp({ state: first.state, port: first.port });
    await waitFor(() => expect(second.seen.results.at(-1)?.class.source).toBe('recipe'));
    expect(await second.ask('recipe', { camera: 'belt', class: null })).toMatchObject({ ok: true });
    await waitFor(() => expect(second.seen.results.at(-1)?.class.source).toBe('recognised'));
    await second.stop();
    // Whoever changes the configuration means it.
    const third = await setUp({ state: first.state, port: first.port, camera: { class: 'blue' } });
    await waitFor(() => expect(third.seen.results.at(-1)?.class).toMatchObject({ name: 'blue', source: 'recipe' }));
  });

  it('set a threshold by the false-reject rate that the calibration can promise, also after a restart', async () => {
    const first = await setUp();
    const reply = await first.ask('threshold', { class: 'red', falseRejectRate: 0.5 });
    // 20 calibration scores 0.00, 0.01, ..: the 11th smallest.
    expect(reply).toMatchObject({ ok: true, value: { class: 'red', falseRejectRate: 0.5 } });
    const { threshold } = reply.value as { threshold: number };
    expect(threshold).toBeCloseTo(0.1, 5);
    const ofRed = (results: readonly ResultMessage[]) => results.findLast((result) => result.class.name === 'red');
    await waitFor(() => expect(ofRed(first.seen.results)?.threshold).toBe(threshold));
    expect(await first.ask('threshold', { class: 'red', falseRejectRate: 0.01 })).toMatchObject({
      ok: false,
      error: { code: 'ARGUMENT_INVALID', message: expect.stringMatching(/^falseRejectRate: .*20 .*0\.0476 or more/) },
    });
    await first.stop();
    const second = await setUp({ state: first.state, port: first.port });
    await waitFor(() => expect(ofRed(second.seen.results)?.threshold).toBe(threshold));
    expect(await second.ask('threshold', { class: 'red', falseRejectRate: null })).toMatchObject({ ok: true });
    await waitFor(() => expect(ofRed(second.seen.results)?.threshold).toBe(0.25));
  });

  it('have a frame inspected that was captured after the request, where nothing is inspected otherwise', async () => {
    const { ask, seen, camerasOf } = await setUp({ camera: { trigger: 'software' } });
    await waitFor(() => expect(camerasOf()[0]?.frames).toBeGreaterThan(5));
    expect(seen.results).toEqual([]);
    const asked = Date.now();
    const reply = await ask('trigger', { camera: 'belt' });
    const result = resultSchema.parse(reply.value);
    expect(Date.parse(result.frame.capturedAt)).toBeGreaterThanOrEqual(asked);
    expect(reply.latencyMs).toBeGreaterThan(0);
    await waitFor(() => expect(seen.results.map(({ id }) => id)).toEqual([result.id]));
    expect(camerasOf()[0]?.dropped).toBe(0);
  });

  it('give each trigger its own frame, in order, and refuse those beyond the bound', async () => {
    const { ask } = await setUp({
      camera: { trigger: 'software' },
      commands: { allow: EVERYTHING, trigger: { pending: 2 } },
      source: { rateHz: 5 },
    });
    const replies = await Promise.all([1, 2, 3].map(() => ask('trigger', { camera: 'belt' })));
    const frames = replies.flatMap(({ ok, value }) => (ok ? [resultSchema.parse(value).frame.sequence] : []));
    expect(frames).toHaveLength(2);
    expect(frames[1]).toBe((frames[0] as number) + 1);
    expect(replies.find(({ ok }) => !ok)?.error?.code).toBe('COMMAND_BUSY');
  });

  it('take the next image of a folder for each trigger', async () => {
    const { ask } = await setUp({ camera: { trigger: 'software' }, source: { rateHz: null } });
    const sources: unknown[] = [];
    for (let i = 0; i < 3; i++) sources.push((await ask('trigger', { camera: 'belt' })).value);
    expect(sources.map((value) => resultSchema.parse(value).frame.source)).toEqual([
      '1-red.png',
      '2-blue-bad.png',
      '3-blue.png',
    ]);
  });

  it('pause a camera that goes on taking frames, and let it go on', async () => {
    const { ask, seen, camerasOf } = await setUp();
    expect(await ask('pause', { paused: true })).toMatchObject({
      ok: true,
      value: { cameras: ['belt'], paused: true },
    });
    await waitFor(() => expect(camerasOf()[0]?.paused).toBe(true));
    const { frames = 0, inspected } = camerasOf()[0] ?? {};
    await waitFor(() => expect(camerasOf()[0]?.frames).toBeGreaterThan(frames + 10));
    // One may have been in work.
    expect((camerasOf()[0]?.inspected ?? 0) - (inspected ?? 0)).toBeLessThanOrEqual(1);
    expect(await ask('trigger', { camera: 'belt' })).toMatchObject({ ok: false, error: { code: 'COMMAND_REFUSED' } });
    const before = seen.results.length;
    await ask('pause', { camera: 'belt', paused: false });
    await waitFor(() => expect(seen.results.length).toBeGreaterThan(before + 5));
  });

  it('collect good images from the running camera, until there are enough', async () => {
    const { ask, state, seen, camerasOf } = await setUp();
    const reply = await ask('collect', { camera: 'belt', class: 'bottle', count: 2 });
    expect(reply).toMatchObject({ ok: true, value: { class: 'bottle', count: 2, kept: 0 } });
    await waitFor(() => expect(camerasOf()[0]?.collection).toMatchObject({ state: 'done', kept: 2, class: 'bottle' }));
    const files = await readdir(join(state, 'collected', 'bottle', 'train', 'good'));
    expect(files).toHaveLength(2);
    expect(seen.results.length).toBeGreaterThan(0);
    expect(await ask('collect', { camera: 'belt', class: '../evil', count: 2 })).toMatchObject({
      ok: false,
      error: { code: 'ARGUMENT_INVALID', message: expect.stringMatching(/^class: /) },
    });
  });

  it('end a collection when another begins, and when the service stops', async () => {
    const { ask, camerasOf, stop, lines } = await setUp();
    await ask('collect', { camera: 'belt', class: 'bottle', count: 1000 });
    await waitFor(() => expect(camerasOf()[0]?.collection).toMatchObject({ state: 'running', class: 'bottle' }));
    await ask('collect', { camera: 'belt', class: 'cup', count: 1000 });
    await waitFor(() => expect(camerasOf()[0]?.collection).toMatchObject({ state: 'running', class: 'cup' }));
    await stop();
    const ended = lines.map((line) => JSON.parse(line)).filter((line) => /collection .* has ended/.test(line.msg));
    expect(ended.map(({ collection }) => [collection.class, collection.state])).toEqual([
      ['bottle', 'stopped'],
      ['cup', 'stopped'],
    ]);
  });

  it('publish the status, and know no alarm that there is not', async () => {
    const { ask } = await setUp();
    expect(await ask('status')).toMatchObject({ ok: true, value: { schema: 'beltsight.status/1', state: 'online' } });
    const alarm = '0190f3a4-0000-4000-8000-000000000001';
    expect(await ask('acknowledge', { camera: 'belt', alarm })).toMatchObject({
      ok: false,
      error: { code: 'COMMAND_REFUSED', message: expect.stringMatching(/no such alarm/) },
    });
  });

  it('name the field that is wrong', async () => {
    const { ask } = await setUp();
    for (const [name, args, message] of [
      ['recipe', { camera: 'band', class: 'red' }, /camera: there is no camera "band"; there are belt/],
      ['recipe', { camera: 'belt', class: 'green' }, /class: .*"green"; it knows red, blue/],
      ['recipe', { camera: 'belt' }, /class: /],
      ['threshold', { class: 'red', falseRejectRate: 2 }, /falseRejectRate: /],
      ['pause', { paused: 'yes' }, /paused: /],
      ['pause', { paused: true, why: 1 }, /"why"/],
    ] as const) {
      const reply = await ask(name, args);
      expect(reply).toMatchObject({ ok: false, error: { code: 'ARGUMENT_INVALID' } });
      expect(reply.error?.message).toMatch(message);
    }
  });
});

describe('who may command', () => {
  it('from afar only harmless commands, unless configured; everything that is local from the device itself', async () => {
    const { ask, local, sender, replies, lines } = await setUp({ commands: {} });
    expect(await ask('status')).toMatchObject({ ok: true });
    const request = { schema: 'beltsight.command/1', id: 'remote-pause', args: { paused: true } };
    await sender.publishAsync(topics.command('pause'), JSON.stringify(request), { qos: 1 });
    await ask('status');
    expect(replies.map(({ command }) => command)).not.toContain('pause');
    expect(await local('pause', { paused: true })).toMatchObject({ ok: true });
    expect(audits(lines)).toContainEqual(
      expect.objectContaining({ command: 'pause', source: 'local', args: { paused: true }, ok: true }),
    );
  });

  it('nobody what is switched off', async () => {
    const { local } = await setUp({ commands: { allow: { pause: 'none' } } });
    expect(await local('pause', { paused: true })).toMatchObject({ ok: false, error: { code: 'COMMAND_REFUSED' } });
  });

  it('owner and group through the socket, and nobody another device', async () => {
    const { state, local } = await setUp();
    expect((await stat(join(state, 'command.sock'))).mode & 0o777).toBe(0o660);
    expect(await local('nonsense')).toMatchObject({
      ok: false,
      error: { message: expect.stringMatching(/there are recipe/) },
    });
    const elsewhere = {
      schema: 'beltsight.command/1',
      command: 'status',
      id: 'x',
      device: { ...ADDRESS, device: 'e' },
    } as const;
    expect(await callService(state, elsewhere, 30_000)).toMatchObject({
      ok: false,
      error: { message: expect.stringMatching(/device s\/l\/d, not s\/l\/e/) },
    });
  });

  it('through a socket that a killed service left behind', async () => {
    const state = await mkdtemp(join(folder, 'state-'));
    await writeFile(join(state, 'command.sock'), '');
    const { local } = await setUp({ state });
    expect(await local('status')).toMatchObject({ ok: true });
  });
});

describe('a request that is delivered again', () => {
  it('is answered with the same reply and not carried out, also after a restart', async () => {
    const first = await setUp({ camera: { trigger: 'software' } });
    const reply = await first.ask('trigger', { camera: 'belt' }, 'once');
    expect(reply.ok).toBe(true);
    expect(await first.ask('trigger', { camera: 'belt' }, 'once')).toEqual(reply);
    await first.ask('recipe', { camera: 'belt', class: 'red' }, 'red-once');
    await first.ask('recipe', { camera: 'belt', class: 'blue' });
    await first.stop();
    expect(first.seen.results).toHaveLength(1);
    const second = await setUp({ state: first.state, port: first.port, camera: { trigger: 'software' } });
    expect(await second.ask('trigger', { camera: 'belt' }, 'once')).toEqual(reply);
    expect((await second.ask('recipe', { camera: 'belt', class: 'red' }, 'red-once')).ok).toBe(true);
    expect(second.seen.results).toEqual([]);
    // The last word stays the last word.
    expect(second.camerasOf()[0]?.class).toBe('blue');
    expect(await second.ask('recipe', { camera: 'belt', class: 'blue' }, 'red-once')).toMatchObject({
      ok: false,
      error: { code: 'COMMAND_REFUSED', message: expect.stringMatching(/"red-once" was used/) },
    });
  });

  it('is not carried out when the device was killed at work on it', async () => {
    const first = await setUp();
    await first.ask('recipe', { camera: 'belt', class: 'red' }, 'torn');
    await first.stop();
    const file = join(first.state, 'requests.jsonl');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    // Begun, but no end; and a line that a power cut tore.
    await writeFile(file, `${lines[0]}\n{"key":"mq`);
    const second = await setUp({ state: first.state, port: first.port });
    expect(await second.ask('recipe', { camera: 'belt', class: 'red' }, 'torn')).toMatchObject({
      ok: false,
      error: { code: 'COMMAND_FAILED', message: expect.stringMatching(/not known/) },
    });
  });
});
