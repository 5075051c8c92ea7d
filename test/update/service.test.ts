import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { UpdateStateMessage } from '@beltsight/sdk';
import {
  connectMqtt,
  InspectionClient,
  type ResultMessage,
  type StatusMessage,
  topicsOf,
  updateStateSchema,
} from '@beltsight/sdk';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callService } from '../../device/src/command/local/call.js';
import { deviceConfigSchema } from '../../device/src/config/schema.js';
import { dryRun } from '../../device/src/service/dry-run.js';
import { DeviceService } from '../../device/src/service/service.js';
import { serveOverMqtt } from '../../trainer/src/release/mqtt-server.js';
import { startEmbeddedBroker } from '../support/embedded-broker.js';
import { waitFor } from '../support/patience.js';
import { TINY_SIZE, tinyImage } from '../support/tiny-bundle.js';
import { ReleaseScene } from './releases.js';

const ADDRESS = { site: 'plant1', line: 'line1', device: 'device1' };
const topics = topicsOf(ADDRESS);
const silent = pino({ level: 'silent' });

let scene: ReleaseScene;
let broker: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  scene = await ReleaseScene.open();
  closers.push(() => scene.close());
  broker = await startBroker();
  const images = join(scene.folder, 'images');
  await mkdir(images);
  for (const colour of ['red', 'blue'] as const) {
    const raw = { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } as const;
    await sharp(tinyImage(colour), { raw }).toFile(join(images, `${colour}.png`));
  }
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startBroker(): Promise<string> {
  const broker = await startEmbeddedBroker();
  closers.push(broker.close);
  return broker.url;
}

const folder = () => ({ type: 'folder', path: join(scene.folder, 'images'), rateHz: 60, loop: true });

const configOf = (update: object = {}, camera: object = {}) =>
  deviceConfigSchema.parse({
    ...ADDRESS,
    bundle: scene.factory,
    state: join(scene.folder, 'state'),
    broker: { url: broker },
    cameras: [
      {
        name: 'belt',
        source: folder(),
        ...camera,
      },
    ],
    statusSeconds: 0.2,
    update: {
      root: scene.root,
      url: scene.url,
      reserveMegabytes: 0,
      probation: { frames: 20, minutes: 0, latencyFactor: 100 },
      ...update,
    },
  });

/** A running service, and what is heard of it. */
async function start(config = configOf()) {
  const results: ResultMessage[] = [];
  const states: UpdateStateMessage[] = [];
  const client = await InspectionClient.connect(broker);
  const statuses: StatusMessage[] = [];
  client.on('result', (message) => results.push(message));
  client.on('status', (message) => statuses.push(message));
  const mqtt = await connectMqtt(broker);
  mqtt.on('message', (_, payload) => states.push(updateStateSchema.parse(JSON.parse(payload.toString()))));
  await mqtt.subscribeAsync(topics.updateState, { qos: 1 });
  const service = await DeviceService.open(config, silent);
  const running = service.run();
  const stop = async () => {
    service.stop();
    await running;
  };
  closers.push(
    stop,
    () => client.close(),
    () => mqtt.endAsync(),
  );
  const reaches = (state: Partial<UpdateStateMessage>) => waitFor(() => expect(states.at(-1)).toMatchObject(state));
  const desire = (message: object | null) =>
    mqtt.publishAsync(topics.updateDesired, message === null ? '' : JSON.stringify(message), { qos: 1, retain: true });
  return { client, results, statuses, states, reaches, desire, stop };
}

describe('a device with updates', () => {
  it('switches between two frames, and says what it runs in every topic', async () => {
    const device = await start(configOf({}, { source: { ...folder(), rateHz: null } }));
    await device.reaches({ state: 'idle', running: { release: null, modelId: scene.factoryModel } });
    const { path, modelId } = await scene.release();
    await device.desire({ schema: 'beltsight.desired/1', release: path, rollout: { id: 'r', wave: 0 } });
    await device.reaches({
      state: 'idle',
      running: { release: path, modelId },
      desired: path,
      rollout: { id: 'r', wave: 0 },
    });
    const models = device.results.map((result) => result.modelId);
    const first = models.indexOf(modelId);
    expect(models.slice(0, first).every((each) => each === scene.factoryModel)).toBe(true);
    expect(models.slice(first).every((each) => each === modelId)).toBe(true);
    // Not a frame is missed or seen twice.
    const numbers = device.results.map(({ frame }) => frame.sequence);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] as number) + i));
    await waitFor(() => expect(device.statuses.at(-1)?.model?.id).toBe(modelId));
  });

  it('keeps to what is desired without a broker, and with one that has lost it, until a message takes it back', async () => {
    const first = await scene.release();
    const second = await scene.release();
    const device = await start();
    await device.desire({ schema: 'beltsight.desired/1', release: first.path });
    await device.reaches({ state: 'idle', running: { release: first.path, modelId: first.modelId } });
    await device.stop();
    await device.desire(null);
    const config = configOf();
    const alone = await DeviceService.open(
      { ...config, broker: { ...config.broker, url: 'mqtt://127.0.0.1:1' } },
      silent,
    );
    const running = alone.run();
    const request = {
      schema: 'beltsight.command/1',
      command: 'update',
      args: { action: 'check' },
      device: ADDRESS,
    } as const;
    await waitFor(async () => {
      const reply = await callService(config.state, { ...request, id: randomUUID() }, 5000);
      expect(reply.value).toMatchObject({ state: 'idle', desired: first.path, running: { release: first.path } });
    });
    alone.stop();
    await running;
    const again = await start();
    await again.reaches({
      state: 'idle',
      desired: first.path,
      running: { release: first.path, modelId: first.modelId },
    });
    await again.desire({ schema: 'beltsight.desired/1', release: null });
    await again.reaches({ state: 'idle', running: { release: second.path, modelId: second.modelId } });
  });

  it('ignores what nobody could mean', async () => {
    const device = await start();
    await device.reaches({ state: 'idle' });
    for (const bad of ['{', '{"schema":"beltsight.desired/1","release":"../../etc/passwd"}', 'x'.repeat(100_000)]) {
      const mqtt = await connectMqtt(broker);
      await mqtt.publishAsync(topics.updateDesired, bad, { qos: 1 });
      await mqtt.endAsync();
    }
    const before = device.results.length;
    await waitFor(() => expect(device.results.length).toBeGreaterThan(before + 10));
    expect(device.states.at(-1)).toMatchObject({ state: 'idle', running: { release: null } });
  });

  it('does what a person on the spot asks: hold, release, roll back', async () => {
    const config = { ...configOf(), commands: { ...configOf().commands, allow: allowUpdates() } };
    const device = await start(config as never);
    const ask = async (action: 'hold' | 'release' | 'roll-back', reason?: string) =>
      device.client.command(ADDRESS, 'update', { action, ...(reason ? { reason } : {}) });
    await device.reaches({ state: 'idle' });
    expect(await ask('roll-back')).toMatchObject({ ok: false, error: { code: 'ARGUMENT_INVALID' } });
    expect(await ask('hold')).toMatchObject({ ok: true });
    const { path, modelId } = await scene.release();
    await device.reaches({ state: 'held' });
    await ask('release');
    await device.reaches({ state: 'idle', running: { release: path, modelId } });
    await ask('roll-back', 'lights red for no reason');
    await device.reaches({
      state: 'failed',
      running: { release: null, modelId: scene.factoryModel },
      failed: [{ release: path, reason: 'lights red for no reason' }] as never,
    });
  });

  it('does not switch to a model that lacks the class before a camera', async () => {
    const device = await start(configOf({}, { class: 'red' }));
    await device.reaches({ state: 'idle' });
    const { path } = await scene.release({ red: 'crimson' });
    await device.desire({ schema: 'beltsight.desired/1', release: path });
    await waitFor(() =>
      expect(device.states.at(-1)?.reason).toMatch(/"belt" expects class "red".*it knows crimson, blue/),
    );
    expect(device.states.at(-1)).toMatchObject({ running: { release: null }, failed: [] });
  });

  it('is served over MQTT alone', async () => {
    const { path, modelId } = await scene.release();
    const server = await serveOverMqtt({
      folder: scene.repository,
      url: broker,
      mqtt: {},
      log: () => undefined,
    });
    closers.push(() => server.close());
    const device = await start(configOf({ url: undefined }));
    await device.reaches({ state: 'idle', running: { release: path, modelId } });
  });

  it('names in a dry run what the repository has for it, and what is wrong with the root', async () => {
    const { path } = await scene.release();
    const lines: string[] = [];
    expect(await dryRun(configOf(), (line) => lines.push(line))).toBe(true);
    expect(lines.join('\n')).toContain(path);
    lines.length = 0;
    expect(await dryRun(configOf({ root: '/no/root.json' }), (line) => lines.push(line))).toBe(false);
    expect(lines.filter((line) => line.startsWith('FAULT'))).toEqual([
      expect.stringMatching(/updates: .*update\.root/),
    ]);
  });
});

const allowUpdates = () => ({ ...configOf().commands.allow, update: 'remote' as const });
