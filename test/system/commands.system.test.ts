import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InspectionClient,
  type ReplyMessage,
  replySchema,
  resultSchema,
  type StatusMessage,
  topicsOf,
} from '@beltsight/sdk';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { start, startDevice } from '../support/processes.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

const ADDRESS = { site: 's', line: 'l', device: 'd' };
const topics = topicsOf(ADDRESS);
let folder: string;
let config: string;
let broker: Awaited<ReturnType<typeof startMosquitto>>;
let client: InspectionClient;
let device: ReturnType<typeof startDevice>;
const statuses: StatusMessage[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-commands-'));
  config = join(folder, 'device.yaml');
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  const raw = { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } } as const;
  await sharp(tinyImage('red'), raw).toFile(join(folder, 'images', 'red.png'));
  broker = await startMosquitto();
  await writeFile(
    config,
    `{ site: s, line: l, device: d, bundle: bundle, state: state, broker: { url: "${broker.url}" }, statusSeconds: 0.5,
       commands: { allow: { recipe: remote } },
       cameras: [{ name: belt, source: { type: folder, path: images, rateHz: 20, loop: true }, trigger: software }] }`,
  );
  client = await InspectionClient.connect(broker.url);
  client.on('status', (status) => statuses.push(status));
  await startService();
});
afterAll(async () => {
  await client?.close();
  device?.process.kill('SIGKILL');
  await device?.ended;
  await broker?.stop();
  await rm(folder, { recursive: true });
});

async function startService() {
  statuses.length = 0;
  device = startDevice('run', '--config', config);
  await waitFor(() => expect(statuses.at(-1)?.cameras?.[0]?.state, device.output()).toBe('running'));
}

/** The requests and replies of MQTT 5, by Debian's client; what it prints, once it has ended. */
async function mosquittoRr(command: string, responseTopic: string, id: string, args: object, waitSeconds = 5) {
  const message = JSON.stringify({ schema: 'beltsight.command/1', id, args });
  const rr = start('mosquitto_rr', [
    ...['-h', '127.0.0.1', '-p', String(broker.port), '-V', '5', '-q', '1', '-W', String(waitSeconds)],
    ...['-D', 'publish', 'correlation-data', 'c'],
    ...['-t', topics.command(command), '-e', responseTopic, '-m', message],
  ]);
  const status = await rr.ended;
  return { status, output: rr.output() };
}

async function cli(...words: string[]) {
  const running = startDevice('command', ...words, '--config', config);
  const status = await running.ended;
  return { status, output: running.output() };
}

describe('commands to a device process', () => {
  it('have a frame inspected for a request of MQTT 5, and the reply comes on its response topic', async () => {
    const { status, output } = await mosquittoRr('trigger', `${topics.root}/reply/scada`, 't1', { camera: 'belt' });
    expect(status, output).toBe(0);
    const reply = replySchema.parse(JSON.parse(output));
    expect(reply).toMatchObject({ ok: true, id: 't1', command: 'trigger' });
    expect(resultSchema.parse(reply.value)).toMatchObject({ camera: 'belt', verdict: 'pass' });
  });

  it("are not answered where a stranger wants it, but refused on the device's own topic", async () => {
    const others = await InspectionClient.connect(broker.url, { ...ADDRESS, replies: true });
    const replies: ReplyMessage[] = [];
    const invalid: unknown[] = [];
    others.on('reply', (reply) => replies.push(reply));
    others.on('invalid', (message) => invalid.push(message));
    await mosquittoRr('status', topics.result('belt'), 'hostile', {}, 1);
    await waitFor(() =>
      expect(replies).toMatchObject([{ id: 'hostile', ok: false, error: { code: 'COMMAND_REFUSED' } }]),
    );
    expect(invalid).toEqual([]);
    await others.close();
  });

  it('come from an application, also the same one again after the process was killed', async () => {
    const named = await client.command(ADDRESS, 'recipe', { camera: 'belt', class: 'blue' }, { id: 'blue' });
    expect(named).toMatchObject({ ok: true });
    expect(await client.command(ADDRESS, 'recipe', { camera: 'belt', class: 'red' })).toMatchObject({ ok: true });
    device.process.kill('SIGKILL');
    await device.ended;
    await waitFor(() => expect(statuses.at(-1)?.state).toBe('offline'));
    await startService();
    expect(await client.command(ADDRESS, 'recipe', { camera: 'belt', class: 'blue' }, { id: 'blue' })).toEqual(named);
    const triggered = await client.command(ADDRESS, 'trigger', { camera: 'belt' });
    expect(triggered.ok && triggered.value.class).toMatchObject({ name: 'red', source: 'recipe' });
  });

  it('come from the command line, which says how it went', async () => {
    const paused = await cli('pause', 'paused=true');
    expect(paused.status, paused.output).toBe(0);
    expect(JSON.parse(paused.output)).toMatchObject({ ok: true, value: { cameras: ['belt'], paused: true } });
    await waitFor(() => expect(statuses.at(-1)?.cameras?.[0]?.paused).toBe(true));
    const refused = await cli('trigger', 'camera=belt');
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.output)).toMatchObject({ ok: false, error: { code: 'COMMAND_REFUSED' } });
    expect((await cli('pause', 'paused=false')).status).toBe(0);
  });

  it('fail with a clear word where no service runs', async () => {
    device.process.kill('SIGTERM');
    expect(await device.ended).toBe(0);
    const { status, output } = await cli('status');
    expect(status).toBe(1);
    expect(output).toMatch(/SERVICE_UNREACHABLE: No service takes commands at .*command\.sock.*beltsight-device run/);
  });
});
