import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { commandArguments, type ReplyMessage, replySchema, topicsOf } from '@beltsight/sdk';
import fc from 'fast-check';
import type { IPublishPacket } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Effects } from '../effects/effects.js';
import { GuardedRunner } from '../guard.js';
import { RememberedRequests } from '../remembered.js';
import { failure } from '../reply.js';
import type { CommandRunner } from '../runner.js';
import { commandsSchema } from '../schema.js';
import { MqttCommands } from './listener.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-listener-'));
});
afterAll(() => rm(folder, { recursive: true }));

const topics = topicsOf({ site: 's', line: 'l', device: 'd' });
const names = Object.keys(commandArguments) as (keyof Effects)[];
const everything = Object.fromEntries(names.map((name) => [name, 'remote']));
let files = 0;

/** Listener, runner and memory of requests as in a service; effects that only note, a clock that stands still. */
async function setUp(config: object = {}) {
  const lines: object[] = [];
  const log = (fields: object) => void lines.push(fields);
  const logger = { info: log, warn: log, error: log };
  const done: [name: string, args: unknown][] = [];
  const effects = Object.fromEntries(
    names.map((name) => [
      name,
      (args: unknown) => {
        done.push([name, args]);
        return {};
      },
    ]),
  ) as unknown as Effects;
  const clock = { now: 0 };
  const now = () => clock.now;
  const commands = commandsSchema.parse({ allow: everything, ...config });
  const file = join(folder, `requests-${files++}.jsonl`);
  const interrupted = (id: string) => failure({ command: '', id, latencyMs: () => 0 }, new Error());
  const requests = await RememberedRequests.open(file, commands.remember, interrupted, logger);
  const guarded = new GuardedRunner({ effects, config: commands, requests, logger, now });
  const working = new Set<Promise<unknown>>();
  const runner: CommandRunner = {
    run(...asked) {
      const reply = guarded.run(...asked);
      working.add(reply);
      return reply.finally(() => working.delete(reply));
    },
  };
  const listeners = new Map<string, (packet: IPublishPacket) => void>();
  const said: { topic: string; reply: ReplyMessage; correlation: Buffer | undefined }[] = [];
  const publisher = {
    subscribe: (topic: string, listener: (packet: IPublishPacket) => void) => void listeners.set(topic, listener),
    say: (topic: string, payload: Buffer, { properties }: { properties?: { correlationData?: Buffer } }) =>
      void said.push({
        topic,
        reply: replySchema.parse(JSON.parse(payload.toString())),
        correlation: properties?.correlationData,
      }),
  };
  new MqttCommands({ config: commands, topics, publisher, runner, logger, now }).listen();
  const hear = (name: string, payload: Uint8Array | string, packet: Partial<IPublishPacket> = {}) =>
    listeners.get(topics.command(name))?.({ payload: Buffer.from(payload), ...packet } as IPublishPacket);
  const settled = async () => {
    while (working.size > 0) await Promise.all(working);
    await new Promise(setImmediate);
  };
  return { hear, said, done, lines, clock, listeners, settled, requests, file };
}

const request = (id: string, args: object = {}, more: object = {}) =>
  JSON.stringify({ schema: 'beltsight.command/1', id, args, ...more });

describe('commands by MQTT', () => {
  it('are listened to one by one, those that may come from afar', async () => {
    const { listeners } = await setUp({ allow: { pause: 'remote', trigger: 'none' } });
    expect([...listeners.keys()].sort()).toEqual(['acknowledge', 'feedback', 'pause', 'status'].map(topics.command));
  });

  it('are answered on reply/<id>, or where an MQTT 5 request wants it below reply/', async () => {
    const { hear, said, settled } = await setUp();
    hear('status', request('a'));
    const correlationData = Buffer.from([0, 255]);
    hear('status', request('b'), { properties: { responseTopic: `${topics.root}/reply/scada/7`, correlationData } });
    await settled();
    expect(said.map(({ topic, correlation, reply: { id, ok } }) => [topic, correlation, id, ok])).toEqual([
      [topics.reply('a'), undefined, 'a', true],
      [`${topics.root}/reply/scada/7`, correlationData, 'b', true],
    ]);
  });

  it.each([
    topics.status,
    topics.command('pause'),
    topics.result('belt'),
    `${topics.root}/reply/`,
    `${topics.root}/reply/#`,
    `${topics.root}/reply/a\u0000`,
    `${topics.root}/reply/${'x'.repeat(300)}`,
    'beltsight/1/s/l/other/command/pause',
    'spBv1.0/STATE/host',
    'elsewhere/x',
    '$SYS/x',
    '',
  ])('are not carried out where the response topic is %j, and the device says so on its own', async (responseTopic) => {
    const { hear, said, done, settled } = await setUp({ responseTopics: ['scada/', 'beltsight/', 'spBv1.0/'] });
    hear('pause', request('a', { paused: true }), { properties: { responseTopic } });
    await settled();
    expect(done).toEqual([]);
    expect(said).toMatchObject([
      { topic: topics.reply('a'), reply: { ok: false, error: { code: 'COMMAND_REFUSED' } } },
    ]);
  });

  it('are answered on response topics that are configured', async () => {
    const { hear, said, settled } = await setUp({ responseTopics: ['scada/replies/'] });
    hear('status', request('a'), { properties: { responseTopic: 'scada/replies/1' } });
    await settled();
    expect(said.map(({ topic }) => topic)).toEqual(['scada/replies/1']);
  });

  it('are ignored where they are retained, and not carried out where they have expired', async () => {
    const { hear, said, done, settled } = await setUp();
    hear('pause', request('a', { paused: true }), { retain: true });
    hear('pause', request('b', { paused: true }, { expiresAt: '2020-01-01T00:00:00Z' }));
    hear('pause', request('c', { paused: true }), { properties: { messageExpiryInterval: 0 } });
    hear('pause', request('d', { paused: true }, { expiresAt: '2999-01-01T00:00:00Z' }));
    await settled();
    expect(done).toHaveLength(1);
    expect(said.map(({ reply: { id, ok } }) => [id, ok])).toEqual([
      ['b', false],
      ['c', false],
      ['d', true],
    ]);
    expect(said[0]?.reply.error?.message).toMatch(/expired \d+ ms ago/);
  });

  it('are answered with the name of the field that is wrong', async () => {
    const { hear, said, settled } = await setUp();
    hear('pause', request('a', {}, { arg: {} }));
    hear('pause', JSON.stringify({ schema: 'beltsight.command/2', id: 'b' }));
    hear('pause', request('c', { paused: 1 }));
    await settled();
    expect(said.map(({ reply }) => [reply.id, reply.error?.message])).toEqual([
      ['a', expect.stringContaining('"arg"')],
      ['b', expect.stringContaining('schema: ')],
      ['c', expect.stringContaining('paused: ')],
    ]);
  });

  it('are limited in rate, each by itself, and a flood costs neither replies nor log', async () => {
    const { hear, said, done, lines, clock, settled } = await setUp({ perSecond: 10, burst: 5 });
    for (let i = 0; i < 5000; i++) hear('pause', request(`a${i}`, { paused: true }));
    hear('status', request('s'));
    await settled();
    expect(done).toHaveLength(5 + 1);
    expect(said).toHaveLength(20 + 1);
    expect(said.filter(({ reply }) => reply.error?.code === 'COMMAND_BUSY')).toHaveLength(15);
    expect(lines.length).toBeLessThan(20);
    clock.now += 200;
    hear('pause', request('later', { paused: true }));
    await settled();
    expect(done).toHaveLength(7);
  });

  it('are carried out in the order in which they came, and once for each id', async () => {
    const { hear, said, done, settled } = await setUp({ burst: 100 });
    for (let i = 0; i < 40; i++) hear('pause', request(`a${i >> 1}`, { paused: (i >> 1) % 2 === 0 }));
    await settled();
    expect(done.map(([, args]) => (args as { paused: boolean }).paused)).toEqual(
      Array.from({ length: 20 }, (_, i) => i % 2 === 0),
    );
    expect(said).toHaveLength(40);
    expect(said.every(({ reply: { ok } }) => ok)).toBe(true);
  });

  it('are remembered within bounds, in memory and on disk', async () => {
    const { hear, said, clock, settled, requests, file } = await setUp({ perSecond: 1000, burst: 30, remember: 20 });
    for (let i = 0; i < 300; i++) {
      hear('pause', request(`a${i}`, { paused: true }));
      clock.now += 1;
      if (i % 20 === 0) await settled();
    }
    await settled();
    expect(said).toHaveLength(300);
    await requests.close();
    expect((await stat(file)).size).toBeLessThan(41 * 2 * 400);
    expect(requests.find('mqtt/a299')).toBeDefined();
    expect(requests.find('mqtt/a100')).toBeUndefined();
  });
});

describe('hostile payloads', () => {
  /** Each time another one. */
  const ID = 'id-00000000';
  const good = fc.constantFrom(
    { name: 'pause' as const, text: request(ID, { paused: true }) },
    { name: 'recipe' as const, text: request(ID, { camera: 'belt', class: 'bottle' }) },
    { name: 'threshold' as const, text: request(ID, { class: 'bottle', falseRejectRate: 0.05 }) },
    { name: 'trigger' as const, text: request(ID, { camera: 'belt' }) },
    { name: 'collect' as const, text: request(ID, { camera: 'belt', class: 'bottle', count: 10 }) },
  );
  const valid = fc
    .record({
      name: fc.constantFrom(...names),
      id: fc.oneof(fc.stringMatching(/^[a-z0-9]{1,8}$/), fc.string(), fc.constantFrom('__proto__', 'constructor')),
      args: fc.dictionary(
        fc.oneof(
          fc.constantFrom('camera', 'class', 'count', 'paused', 'falseRejectRate', 'alarm', 'by', '__proto__'),
          fc.string(),
        ),
        fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('belt', true, null, 0.5, 10)),
        { maxKeys: 4 },
      ),
    })
    .map(({ name, id, args }) => ({ name, text: request(id, args) }));
  const mutated = fc
    .tuple(fc.oneof(good, valid), fc.nat(), fc.nat(255), fc.boolean())
    .map(([{ name, text }, place, byte, cut]) => {
      const bytes = Buffer.from(text);
      const at = place % bytes.length;
      bytes[at] = byte;
      return { name, bytes: cut ? bytes.subarray(0, at) : bytes };
    });
  const deep = fc.nat(4000).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`);
  const payload = fc.oneof(
    { weight: 6, arbitrary: good.map(({ name, text }) => ({ name, bytes: Buffer.from(text) })) },
    { weight: 6, arbitrary: valid.map(({ name, text }) => ({ name, bytes: Buffer.from(text) })) },
    { weight: 12, arbitrary: mutated },
    fc.record({ name: fc.constantFrom(...names), bytes: fc.uint8Array({ maxLength: 64 }) }),
    fc.record({ name: fc.constantFrom(...names), bytes: fc.json().map((text) => Buffer.from(text)) }),
    {
      weight: 1,
      arbitrary: fc.record({
        name: fc.constantFrom(...names),
        bytes: deep.map((text) => Buffer.from(request('deep').replace('{}', text))),
      }),
    },
    fc.record({ name: fc.constantFrom(...names), bytes: fc.nat(40_000).map((length) => Buffer.alloc(length, 0x7b)) }),
  );
  const properties = fc.option(
    fc.record(
      {
        responseTopic: fc.oneof(
          fc.string(),
          fc.constantFrom(topics.status, `${topics.root}/reply/x`, topics.command('pause')),
        ),
        correlationData: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
        messageExpiryInterval: fc.nat(),
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  );

  it('in their hundreds of thousands neither crash nor grow the listener, nor make it say or do what it must not', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { hear, said, done, clock, lines, settled } = await setUp({ perSecond: 1000, burst: 1000, remember: 100 });
    const heap: number[] = [];
    const pool = fc.sample(fc.tuple(payload, properties), { numRuns: 4000, seed: 7 });
    let [replies, effects, state] = [0, 0, 7];
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 26; round++) {
      for (const [index, [{ name, bytes }, sent]] of pool.entries()) {
        clock.now += 10;
        const changed = Buffer.from(bytes);
        for (let i = random(4); i > 0 && changed.length > 0; i--) {
          changed[random(changed.length)] = random(3) > 0 ? 32 + random(95) : random(256);
        }
        const place = changed.indexOf(ID);
        if (place >= 0) changed.write(`${round}-${index}`.padStart(8, '0'), place + 3);
        hear(name, changed, (sent ? { properties: sent } : {}) as Partial<IPublishPacket>);
        if (index % 50 === 0) await new Promise(setImmediate);
      }
      await settled();
      for (const { topic } of said) expect(topic.startsWith(`${topics.root}/reply/`)).toBe(true);
      for (const [name, args] of done) {
        expect(commandArguments[name as keyof typeof commandArguments].safeParse(args).success).toBe(true);
      }
      replies += said.splice(0).length;
      effects += done.splice(0).length;
      lines.splice(0);
      collectGarbage();
      heap.push(process.memoryUsage().heapUsed);
    }
    // Some were good, or this proves nothing.
    expect(effects).toBeGreaterThan(100);
    expect(replies).toBeGreaterThan(10_000);
    const growth = (heap.at(-1) as number) - (heap[10] as number);
    expect(growth).toBeLessThan(4 * 2 ** 20);
  });
});
