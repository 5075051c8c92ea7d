import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandArguments, InspectionClient, type ResultMessage, type StatusMessage } from '@beltsight/sdk';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { readDataset } from '../../../trainer/src/data/dataset.js';
import { openInbox } from '../../../trainer/src/inbox/receive.js';
import { serveInbox } from '../../../trainer/src/inbox/server.js';
import { deviceConfigSchema } from '../config/schema.js';
import { DeviceService } from '../service/service.js';

const TOKEN = '0123456789abcdef';
const ADDRESS = { site: 's', line: 'l', device: 'd' };
const IMAGES = {
  '1-red.png': tinyImage('red'),
  '2-blue-bad.png': tinyImage('blue', 255),
  // Green: no class of the model.
  '3-other.png': tinyImage('red').map((_, i, red) => red[i - (i % 3) + ((i + 2) % 3)] as number),
};

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-feedback-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  await writeFile(join(folder, 'token'), TOKEN);
  for (const [name, pixels] of Object.entries(IMAGES)) {
    const raw = { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } as const;
    await sharp(pixels, { raw }).toFile(join(folder, 'images', name));
  }
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startBroker() {
  const broker = await startEmbeddedBroker();
  closers.push(broker.close);
  return broker.port;
}

async function startInbox(into: string, port = 0) {
  const inbox = await openInbox(into);
  const server = await serveInbox({ inbox, host: '127.0.0.1', port, token: TOKEN, log: () => undefined });
  closers.push(() => server.close());
  return server.port;
}

/** A device that has inspected all images and waits for a trigger, and somebody who hears it and can judge. */
async function setUp({ feedback = {}, state }: { feedback?: object; state?: string } = {}) {
  const url = `mqtt://127.0.0.1:${await startBroker()}`;
  const seen = { results: [] as ResultMessage[], statuses: [] as StatusMessage[] };
  const client = await InspectionClient.connect(url);
  closers.push(() => client.close());
  client.on('result', (result) => seen.results.push(result));
  client.on('status', (status) => seen.statuses.push(status));
  const path = state ?? (await mkdtemp(join(folder, 'state-')));
  const config = deviceConfigSchema.parse({
    ...ADDRESS,
    ...{ bundle: join(folder, 'bundle'), state: path, broker: { url }, statusSeconds: 0.2 },
    cameras: [
      { name: 'belt', source: { type: 'folder', path: join(folder, 'images'), loop: true }, trigger: 'software' },
    ],
    feedback: { reserveMegabytes: 0, ...feedback },
  });
  const service = await DeviceService.open(config, pino({ level: 'silent' }));
  const running = service.run();
  const stop = async () => {
    service.stop();
    await running;
  };
  closers.push(stop);
  await waitFor(() => expect(seen.statuses.at(-1)?.cameras?.[0]?.state).toBe('running'));
  for (const _ of Object.keys(IMAGES)) await client.command(ADDRESS, 'trigger', { camera: 'belt' });
  await waitFor(() => expect(seen.results).toHaveLength(Object.keys(IMAGES).length));
  const byName = (name: keyof typeof IMAGES) =>
    seen.results.find(({ frame }) => frame.source === name) as ResultMessage;
  const judge = (result: string, change: Partial<CommandArguments<'feedback'>> = {}) =>
    client.command(ADDRESS, 'feedback', { camera: 'belt', result, judgement: 'false-alarm', ...change });
  const status = () => seen.statuses.at(-1)?.feedback;
  return { judge, byName, status, stop, state: path };
}

describe('false alarms', () => {
  it('come to the inbox of the trainer as good images, pixel for pixel, and once', async () => {
    const into = await mkdtemp(join(folder, 'inbox-'));
    const port = await startInbox(into);
    const inbox = { url: `http://127.0.0.1:${port}`, tokenFile: join(folder, 'token') };
    const { judge, byName, status, state } = await setUp({ feedback: { inbox } });
    const { id, score, threshold, modelId } = byName('2-blue-bad.png');
    const reply = await judge(id, { by: 'ada' });
    const file = `${id}.png`;
    expect(reply).toMatchObject({
      ok: true,
      value: { camera: 'belt', result: id, class: 'blue', file, new: true },
    });
    const image = join(into, 'blue', 'train', 'good', file);
    await waitFor(async () => expect(await readDataset([into])).toMatchObject([{ name: 'blue', train: [image] }]));
    await waitFor(() => expect(status()).toEqual({ kept: 1, skipped: 0, waiting: 0 }));
    expect(await judge(id)).toMatchObject({ ok: true, value: { class: 'blue', file, new: false } });
    const { data } = await sharp(image).raw().toBuffer({ resolveWithObject: true });
    expect(new Uint8Array(data)).toEqual(IMAGES['2-blue-bad.png']);
    const about = (await readFile(join(into, 'blue', 'collected.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(about.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        ...ADDRESS,
        ...{ file, camera: 'belt', result: id, verdict: 'reject', score, threshold, modelId },
        ...{ judgement: 'false-alarm', by: 'ada' },
      }),
    ]);
    expect(await readdir(join(state, 'feedback', 'blue', 'train', 'good'))).toEqual([]);
  });

  it('wait for an inbox that is away, over a restart', async () => {
    const into = await mkdtemp(join(folder, 'inbox-'));
    const first = await setUp();
    const { id } = first.byName('2-blue-bad.png');
    await first.judge(id);
    await waitFor(() => expect(first.status()).toMatchObject({ waiting: 1 }));
    await first.stop();
    const port = await startInbox(into);
    const inbox = { url: `http://127.0.0.1:${port}`, tokenFile: join(folder, 'token') };
    const second = await setUp({ state: first.state, feedback: { inbox } });
    await waitFor(async () => expect(await readdir(join(into, 'blue', 'train', 'good'))).toEqual([`${id}.png`]));
    expect(await second.judge(id)).toMatchObject({ ok: true, value: { new: false } });
  });

  it('of a product that the model does not know are filed where people say', async () => {
    const { judge, byName, state } = await setUp();
    const { id } = byName('3-other.png');
    expect(await judge(id)).toMatchObject({
      ok: false,
      error: { code: 'ARGUMENT_INVALID', message: expect.stringMatching(/^class: .*say which class/) },
    });
    expect(await judge(id, { class: 'green' })).toMatchObject({
      ok: false,
      error: { code: 'ARGUMENT_INVALID', message: expect.stringMatching(/"green"; it knows red, blue/) },
    });
    expect(await judge(id, { class: 'red' })).toMatchObject({ ok: true, value: { class: 'red', new: true } });
    expect(await readdir(join(state, 'feedback', 'red', 'train', 'good'))).toEqual([`${id}.png`]);
  });

  it('are refused where no frame is kept: of what passed, and of what never was', async () => {
    const { judge, byName } = await setUp();
    for (const id of [byName('1-red.png').id, '019aa8f2-6c0e-7c55-a3a2-000000000000']) {
      expect(await judge(id)).toMatchObject({
        ok: false,
        error: { code: 'COMMAND_REFUSED', message: expect.stringMatching(/no frame of result .* is kept/) },
      });
    }
    const off = await setUp({ feedback: { keep: 0 } });
    expect(await off.judge(off.byName('2-blue-bad.png').id)).toMatchObject({ ok: false });
    expect(await readdir(join(off.state, 'rejects'))).toEqual([]);
  });

  it('cost no inspection when frames cannot be written', async () => {
    const state = await mkdtemp(join(folder, 'state-'));
    await writeFile(join(state, 'rejects'), 'a file in the way');
    const { status, byName, judge } = await setUp({ state });
    await waitFor(() =>
      expect(status()).toMatchObject({ kept: 0, skipped: 2, fault: expect.stringMatching(/rejects/) }),
    );
    expect(await judge(byName('2-blue-bad.png').id)).toMatchObject({ ok: false });
  });
});
