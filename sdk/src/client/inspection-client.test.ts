import { type AddressInfo, createServer } from 'node:net';
import mqttPacket from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import type { BeltsightError } from '../errors.js';
import { encodeHeatmap } from '../heatmap/codec.js';
import { tagJpeg } from '../messages/frame.js';
import type { ResultMessage } from '../messages/result.js';
import { topicsOf } from '../topics.js';
import { connectMqtt } from './connect.js';
import { InspectionClient } from './inspection-client.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ADDRESS = { site: 's', line: 'l', device: 'd' };
const topics = topicsOf(ADDRESS);
const UUID = '0190f3a4-0000-4000-8000-000000000001';
const reply = (id: string, answer: object) => ({
  schema: 'beltsight.reply/1',
  id,
  command: 'x',
  at: '2026-01-01T00:00:00.000Z',
  latencyMs: 1,
  ...answer,
});
const result = (id: string): ResultMessage => ({
  schema: 'beltsight.result/1',
  id,
  camera: 'c',
  frame: { sequence: 0, capturedAt: '2026-01-01T00:00:00.000Z' },
  verdict: 'pass',
  score: 0.5,
  threshold: 1,
  pValue: 0.5,
  class: { name: 'cap', source: 'recognised', distance: 0.1 },
  modelId: '0123456789abcdef',
  latencyMs: 12,
});
const ID = '0190f3a4-0000-7000-8000-00000000000';

async function setUp() {
  const broker = await startEmbeddedBroker();
  closers.push(broker.close);
  const sender = await connectMqtt(broker.url);
  closers.push(() => sender.endAsync(true));
  const client = await InspectionClient.connect(broker.url, { site: 's' });
  closers.push(() => client.close());
  return { sender, client, url: broker.url };
}

describe('InspectionClient', () => {
  it('hands out each result once, checked and typed', async () => {
    const { sender, client } = await setUp();
    const seen: string[] = [];
    client.on('result', ({ id }, { camera }) => seen.push(`${camera} ${id}`));
    for (const id of ['1', '1', '2'])
      await sender.publishAsync(topics.result('c'), JSON.stringify(result(ID + id)), { qos: 1 });
    await waitFor(() => expect(seen).toEqual([`c ${ID}1`, `c ${ID}2`]));
  });

  it('hands out status, heatmaps and frames', async () => {
    const { sender, client } = await setUp();
    const seen: unknown[] = [];
    client.on('status', ({ state }) => seen.push(state));
    client.on('heatmap', ({ id, values }) => seen.push([id, values.length]));
    client.on('frame', ({ id }) => seen.push(id));
    const status = {
      schema: 'beltsight.status/1',
      state: 'online',
      at: '2026-01-01T00:00:00.000Z',
      device: { site: 's', line: 'l', device: 'd' },
    };
    await sender.publishAsync(topics.status, JSON.stringify(status), { qos: 1 });
    const heatmap = encodeHeatmap(
      { width: 2, height: 2, values: new Float32Array(4) },
      { id: 'x', low: 0, high: 1, threshold: null },
    );
    await sender.publishAsync(topics.heatmap('c'), Buffer.from(heatmap), { qos: 1 });
    await sender.publishAsync(topics.frame('c'), Buffer.from(tagJpeg(Uint8Array.of(0xff, 0xd8), `${ID}1`)), { qos: 1 });
    await waitFor(() => expect(seen).toEqual(['online', ['x', 4], `${ID}1`]));
  });

  it('hands out retained messages that come in one piece with the answer to the subscription', async () => {
    const server = createServer((socket) => {
      const parser = mqttPacket.parser({ protocolVersion: 5 });
      const answer = (...packets: mqttPacket.Packet[]) =>
        socket.write(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: 5 }))));
      parser.on('packet', (packet) => {
        if (packet.cmd === 'connect') answer({ cmd: 'connack', reasonCode: 0, sessionPresent: false });
        if (packet.cmd !== 'subscribe') return;
        const status = {
          schema: 'beltsight.status/1',
          state: 'online',
          at: '2026-01-01T00:00:00.000Z',
          device: ADDRESS,
        };
        const granted = packet.subscriptions.map(() => 1);
        answer(
          { cmd: 'suback', messageId: packet.messageId as number, granted },
          { cmd: 'publish', topic: topics.status, payload: JSON.stringify(status), qos: 0, dup: false, retain: true },
        );
      });
      socket.on('data', (bytes) => parser.parse(bytes));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const client = await InspectionClient.connect(`mqtt://127.0.0.1:${port}`);
    closers.push(() => client.close());
    const seen: string[] = [];
    client.on('status', ({ state }) => seen.push(state));
    await waitFor(() => expect(seen).toEqual(['online']));
  });

  it('reports what is no message, and goes on', async () => {
    const { sender, client } = await setUp();
    const invalid: string[] = [];
    const seen: string[] = [];
    client.on('invalid', ({ topic }) => invalid.push(topic));
    client.on('result', ({ id }) => seen.push(id));
    for (const payload of ['', '{', 'null', '[]', '{"schema":"beltsight.result/2"}', Buffer.alloc(100_000, 255)]) {
      await sender.publishAsync(topics.result('c'), payload, { qos: 1 });
    }
    await sender.publishAsync(topics.heatmap('c'), 'not a picture', { qos: 1 });
    await sender.publishAsync(topics.result('c'), JSON.stringify(result(`${ID}1`)), { qos: 1 });
    await waitFor(() => expect(seen).toEqual([`${ID}1`]));
    expect(invalid).toHaveLength(7);
  });

  it('survives a handler that throws', async () => {
    const { sender, client } = await setUp();
    const errors: unknown[] = [];
    const seen: string[] = [];
    client.on('error', (error) => errors.push(error));
    client.on('result', () => {
      throw new Error('application');
    });
    client.on('result', ({ id }) => seen.push(id));
    await sender.publishAsync(topics.result('c'), JSON.stringify(result(`${ID}1`)), { qos: 1 });
    await waitFor(() => expect(seen).toHaveLength(1));
    expect(errors).toHaveLength(1);
  });

  it('hands out alarms, each reject signal once, and replies to others where it is told to', async () => {
    const { sender, url } = await setUp();
    const client = await InspectionClient.connect(url, { site: 's', replies: true });
    closers.push(() => client.close());
    const seen: unknown[] = [];
    client.on('alarm', ({ state }, { camera }) => seen.push([camera, state]));
    client.on('reject', ({ verdict }) => seen.push(verdict));
    client.on('reply', ({ ok }, { name }) => seen.push([name, ok]));
    const at = '2026-01-01T00:00:00.000Z';
    const alarm = { schema: 'beltsight.alarm/1', id: UUID, camera: 'c', kind: 'reject-rate', state: 'raised' };
    const figures = { since: at, at, value: 0.5, limit: 0.1, message: 'Look at the belt.' };
    await sender.publishAsync(topics.alarm('c'), JSON.stringify({ ...alarm, ...figures }), { qos: 1 });
    const reject = { schema: 'beltsight.reject/1', id: UUID, results: [], camera: 'c', at, lateMs: 0 };
    for (let i = 0; i < 2; i++) {
      const signal = JSON.stringify({ ...reject, verdict: 'reject', class: null });
      await sender.publishAsync(topics.reject('c'), signal, { qos: 1 });
    }
    await sender.publishAsync(topics.reply('x'), JSON.stringify(reply('x', { ok: true })), { qos: 1 });
    await waitFor(() => expect(seen).toEqual([['c', 'raised'], 'reject', ['x', true]]));
  });

  it('asks a device, and gives its reply typed, or its refusal', async () => {
    const { sender, client } = await setUp();
    await sender.subscribeAsync(topics.command('recipe'), { qos: 1 });
    sender.on('message', (_, payload) => {
      const { id, args } = JSON.parse(payload.toString());
      const value = { camera: args.camera, class: args.class };
      const answer =
        args.class === null ? { ok: false, error: { code: 'COMMAND_BUSY', message: 'Later.' } } : { ok: true, value };
      sender.publish(topics.reply(id), JSON.stringify(reply(id, answer)), { qos: 1 });
    });
    const done = await client.command(ADDRESS, 'recipe', { camera: 'c', class: 'cap' });
    expect(done.ok && done.value.class).toBe('cap');
    const both = await Promise.all([
      client.command(ADDRESS, 'recipe', { camera: 'a', class: 'cap' }),
      client.command(ADDRESS, 'recipe', { camera: 'b', class: null }, { id: 'my-own' }),
    ]);
    expect(both).toMatchObject([{ value: { camera: 'a' } }, { ok: false, id: 'my-own', error: { message: 'Later.' } }]);
  });

  it('gives up on a device that does not answer, or not in its words', async () => {
    const { sender, client } = await setUp();
    await expect(client.command(ADDRESS, 'status', {}, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'COMMAND_TIMEOUT',
      message: expect.stringMatching(/s\/l\/d .* status within 50 ms.*commands\.allow/),
    });
    await sender.subscribeAsync(topics.command('status'), { qos: 1 });
    sender.on('message', (_, payload) => {
      const { id } = JSON.parse(payload.toString());
      sender.publish(topics.reply(id), JSON.stringify(reply(id, { ok: true, value: 1 })));
    });
    await expect(client.command(ADDRESS, 'status', {})).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
    await expect(client.command(ADDRESS, 'status', {}, { id: 'a/b' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    });
  });

  it('comes back by itself after the broker was away', async () => {
    const broker = await startEmbeddedBroker();
    const client = await InspectionClient.connect(broker.url, { mqtt: { reconnectPeriod: 50 } });
    closers.push(() => client.close());
    const states: boolean[] = [];
    client.on('connection', (connected) => states.push(connected));
    await broker.close();
    await waitFor(() => expect(states).toContain(false));
    const again = await startEmbeddedBroker(Number(new URL(broker.url).port));
    closers.push(again.close);
    await waitFor(() => expect(states.at(-1)).toBe(true));
  });

  it('keeps the password of an address to itself, and refuses an address that no device has', async () => {
    for (const password of ['secret', 'p@secret', '1/secret']) {
      const hidden = InspectionClient.connect(`mqtt://127.0.0.1:${password}@127.0.0.1:9`, { timeoutMs: 2000 });
      await expect(hidden).rejects.toThrow(/mqtt:\/\/\*\*\*@127\.0\.0\.1:9 /);
      await expect(hidden).rejects.not.toThrow(/secret/);
    }
    await expect(InspectionClient.connect('mqtt://127.0.0.1:9', { site: 'a/b' })).rejects.toThrow(
      /"a\/b" cannot be a site/,
    );
  });

  it('says which broker is not there and what to check', async () => {
    const error = await InspectionClient.connect('mqtt://127.0.0.1:9', { timeoutMs: 2000 }).catch(
      (e: BeltsightError) => e,
    );
    expect(error).toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/127\.0\.0\.1:9 .*ECONNREFUSED.*check/),
    });
  });
});
