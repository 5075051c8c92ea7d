import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { type Connection, packetBroker } from '../../../test/support/packet-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { deviceConfigSchema } from '../config/schema.js';
import { spoolSchema } from '../spool/schema.js';
import { connectionOf } from './connection.js';
import { Outbox } from './outbox.js';
import { Publisher } from './publisher.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Script = Parameters<typeof packetBroker>;

async function broker(...script: Script) {
  const started = await packetBroker(...script);
  closers.push(() => started.stop());
  return started;
}

/** A publisher with the connection of a device. */
async function publisherAt(url: string, patienceMs?: number) {
  const log: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void log.push(JSON.parse(line).msg) });
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-publisher-'));
  const outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
  const cameras = [{ name: 'c', source: { type: 'test' } }];
  const section = { url, version: '5', longestWaitSeconds: 0.1, topicAliases: false };
  const config = deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: '.',
    broker: section,
    cameras,
  });
  const connecting = connectionOf(config, () => ({ topic: 'status', payload: Buffer.from('gone') }), logger);
  const found: { client?: MqttClient } = {};
  const publisher = new Publisher({
    connect: async (...how) => {
      found.client = await connecting(...how);
      return found.client;
    },
    outbox,
    logger,
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  let over = false;
  const close = async (...how: Parameters<Publisher['close']>) => {
    if (over) return;
    over = true;
    await publisher.close(...how);
    await rm(folder, { recursive: true });
  };
  closers.push(() => close(undefined, 500));
  const result = (text: string) =>
    publisher.send([{ topic: 'result', payload: Buffer.from(text), importance: 'result', options: { qos: 1 } }]);
  return { publisher, outbox, result, log, close, client: () => found.client as MqttClient };
}

const text = ({ payload }: IPublishPacket) => payload.toString();
const textsOn = (topic: string, packets: readonly Packet[]) =>
  packets.filter((packet): packet is IPublishPacket => packet.cmd === 'publish' && packet.topic === topic).map(text);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
const first = (texts: readonly string[]) => [...new Set(texts)];

/** A broker that ends a connection which carries more than it takes, as MQTT 5 has it (section 4.9). */
function strict(
  receiveMaximum: number,
  acknowledgeMs: number,
): { script: Script; excesses: () => number; most: () => number } {
  const open = new Map<Connection, number>();
  let [excesses, most] = [0, 0];
  const sees = (packet: Packet, connection: Connection) => {
    if (packet.cmd !== 'publish' || packet.qos !== 1) return false;
    const count = (open.get(connection) ?? 0) + 1;
    open.set(connection, count);
    most = Math.max(most, count);
    if (count > receiveMaximum) {
      excesses++;
      connection.send({ cmd: 'disconnect', reasonCode: 0x93 });
      connection.end();
      return true;
    }
    setTimeout(() => {
      open.set(connection, (open.get(connection) ?? 0) - 1);
      connection.acknowledge(packet);
    }, acknowledgeMs);
    return true;
  };
  return { script: [sees, { receiveMaximum }], excesses: () => excesses, most: () => most };
}

describe("the broker's receive maximum", () => {
  it.each([1, 2, 10])('of %i holds for all that is published, with a backlog and after an outage', async (maximum) => {
    const { script, excesses, most } = strict(maximum, 3);
    const { url, connections, published } = await broker(...script);
    const { publisher, result } = await publisherAt(url);
    for (const topic of ['status', 'alarm', 'update']) publisher.retain(topic, Buffer.from(topic));
    for (const each of numbers(60)) result(each);
    await publisher.start();
    for (const each of numbers(30)) {
      publisher.retain('status', Buffer.from(each));
      publisher.say('reply', Buffer.from(each), { qos: 1 });
      publisher.sayNow('plc', Buffer.from(each), { qos: 1 });
      await sleep(2);
    }
    connections[0]?.end();
    await waitFor(() => expect(publisher.figures).toMatchObject({ waiting: 0, reconnects: 1 }));
    await waitFor(() => expect(textsOn('status', connections[1]?.heard ?? []).at(-1)).toBe('29'));
    expect(first(textsOn('result', published))).toEqual(numbers(60));
    expect([excesses(), connections.length, most()]).toEqual([0, 2, maximum]);
  });

  it('lets replies and retained messages pass a backlog, and loses none', async () => {
    const { script } = strict(1, 3);
    const { url, published } = await broker(...script);
    const { publisher, result } = await publisherAt(url);
    await publisher.start();
    for (const each of numbers(50)) result(each);
    for (const each of numbers(20)) publisher.say('reply', Buffer.from(each), { qos: 1 });
    publisher.retain('alarm', Buffer.from('raised'));
    await waitFor(() => expect(publisher.figures.waiting).toBe(0));
    expect(textsOn('reply', published)).toEqual(numbers(20));
    expect(published.findIndex(({ topic }) => topic === 'alarm')).toBeLessThan(30);
  });
});

describe('a broker that acknowledges nothing', () => {
  it('has the connection made anew, over which everything is sent again, each message once in order', async () => {
    let withheld = 0;
    const { url, connections } = await broker(
      ({ cmd }, { number }) => cmd === 'publish' && number < 3 && withheld++ >= 0,
    );
    const { publisher, result, log } = await publisherAt(url, 300);
    await publisher.start();
    for (const each of numbers(40)) result(each);
    await waitFor(() => expect(publisher.figures.waiting).toBe(0));
    // The second time nothing but the first message is sent again: the client waits for its acknowledgement.
    expect(connections).toHaveLength(3);
    expect(textsOn('result', connections[1]?.heard ?? [])).toEqual(['0']);
    expect(textsOn('result', connections[2]?.heard ?? [])).toEqual(numbers(40));
    expect(log.join('\n')).toMatch(/does not acknowledge messages: connecting anew/);
  });

  it('is given up as well where it forgets a single message', async () => {
    const { url, connections } = await broker(
      (packet, { number }) => packet.cmd === 'publish' && text(packet) === '3' && number === 1,
    );
    const { publisher, result } = await publisherAt(url, 300);
    await publisher.start();
    const sending = setInterval(() => publisher.retain('status', Buffer.from('on')), 20);
    closers.push(async () => clearInterval(sending));
    for (const each of numbers(10)) result(each);
    await waitFor(() => expect(publisher.figures.waiting).toBe(0));
    expect(textsOn('result', connections[1]?.heard ?? [])).toEqual(['3']);
  });

  it('is not given up while it acknowledges one after the other, however long the last one takes', async () => {
    const { url, connections } = await broker((packet, connection) => {
      if (packet.cmd !== 'publish') return false;
      setTimeout(() => connection.acknowledge(packet), 100 * (Number(text(packet)) + 1));
      return true;
    });
    const { publisher, result } = await publisherAt(url, 600);
    await publisher.start();
    for (const each of numbers(15)) result(each);
    await waitFor(() => expect(publisher.figures.waiting).toBe(0));
    expect(connections).toHaveLength(1);
  });

  it('is left with few messages in flight, whatever is published', async () => {
    const { url, published } = await broker(({ cmd }) => cmd === 'publish');
    const { publisher, result, client } = await publisherAt(url);
    await publisher.start();
    for (const each of numbers(500)) {
      publisher.retain('status', Buffer.from(each));
      publisher.say('reply', Buffer.from(each), { qos: 1 });
      publisher.sayNow('plc', Buffer.from(each), { qos: 1 });
      result(each);
    }
    await waitFor(() => expect(published.length).toBe(22));
    expect(Object.keys(client().outgoing)).toHaveLength(22);
  });

  it('does not keep a device that ends', async () => {
    const { url, connections } = await broker((packet) => packet.cmd === 'publish' && packet.topic === 'result');
    const { publisher, result, close, client } = await publisherAt(url);
    await publisher.start();
    result('unacknowledged');
    await close({ topic: 'status', payload: Buffer.from('offline') }, 200);
    await waitFor(() => expect(client().stream.destroyed).toBe(true));
    expect(connections).toHaveLength(1);
  });
});

describe('what is said now', () => {
  it('is never sent later: not after an outage, with whatever quality of service', async () => {
    let deaf = true;
    const { url, connections, published } = await broker(({ cmd }) => cmd === 'publish' && deaf);
    const { publisher, result } = await publisherAt(url);
    await publisher.start();
    for (const qos of [0, 1] as const) expect(publisher.sayNow('reject', Buffer.from(`${qos}`), { qos })).toBe(true);
    result('r');
    await waitFor(() => expect(published).toHaveLength(3));
    deaf = false;
    connections[0]?.end();
    await waitFor(() => expect(publisher.figures.waiting).toBe(0));
    result('last');
    await waitFor(() => expect(publisher.figures.waiting).toBe(0));
    expect((connections[1]?.heard ?? []).filter(({ cmd }) => cmd === 'publish')).toMatchObject([
      { topic: 'result', dup: false },
      { topic: 'result' },
    ]);
  });

  it('is not taken while the client sends again what was in flight', async () => {
    let held: (() => void) | undefined;
    const { url, connections } = await broker((packet, connection) => {
      if (packet.cmd !== 'publish' || connection.number > 2) return false;
      if (connection.number === 2) held = () => connection.acknowledge(packet);
      return true;
    });
    const { publisher, result, client } = await publisherAt(url);
    await publisher.start();
    result('r');
    await waitFor(() => expect(connections[0]?.heard.at(-1)?.cmd).toBe('publish'));
    connections[0]?.end();
    await waitFor(() => expect(held).toBeDefined());
    // The client says that it is connected, and would keep back what it is given.
    expect([client().connected, publisher.figures.connected]).toEqual([true, false]);
    expect(publisher.sayNow('reject', Buffer.from('late'), { qos: 0 })).toBe(false);
    publisher.say('heartbeat', Buffer.from('late'), { qos: 0 });
    held?.();
    await waitFor(() => expect(publisher.figures.connected).toBe(true));
    expect(publisher.sayNow('reject', Buffer.from('in time'), { qos: 0 })).toBe(true);
    await waitFor(() => expect(textsOn('reject', connections[1]?.heard ?? [])).toEqual(['in time']));
    expect(textsOn('heartbeat', connections[1]?.heard ?? [])).toEqual([]);
  });
});

describe('a retained topic', () => {
  it('is said again at every connection, in its newest state, with its properties', async () => {
    const { url, connections } = await broker();
    const { publisher, client } = await publisherAt(url);
    const properties = { contentType: 'application/json' };
    publisher.retain('alarm', Buffer.from('raised'), properties);
    await publisher.start();
    await waitFor(() => expect(textsOn('alarm', connections[0]?.heard ?? [])).toEqual(['raised']));
    expect(connections[0]?.heard.at(-1)).toMatchObject({ qos: 1, retain: true, properties });
    connections[0]?.end();
    await waitFor(() => expect(textsOn('alarm', connections[1]?.heard ?? [])).toEqual(['raised']));
    const away = new Promise<void>((resolve) => client().once('close', resolve));
    connections[1]?.end();
    await away;
    expect(publisher.figures.connected).toBe(false);
    for (const state of ['acknowledged', 'cleared']) publisher.retain('alarm', Buffer.from(state), properties);
    await waitFor(() => expect(textsOn('alarm', connections[2]?.heard ?? [])).toEqual(['cleared']));
  });

  it('has one message in flight, and the newest follows it', async () => {
    const acknowledge: (() => void)[] = [];
    const { url, published } = await broker((packet, connection) => {
      if (packet.cmd !== 'publish') return false;
      acknowledge.push(() => connection.acknowledge(packet));
      return true;
    });
    const { publisher } = await publisherAt(url);
    await publisher.start();
    for (const state of ['1', '2', '3']) publisher.retain('status', Buffer.from(state));
    publisher.retain('alarm', Buffer.from('raised'));
    await waitFor(() => expect(acknowledge).toHaveLength(2));
    expect(published.map(text)).toEqual(['1', 'raised']);
    for (const each of acknowledge) each();
    await waitFor(() => expect(published.map(text)).toEqual(['1', 'raised', '3']));
  });

  it('is said again later where the broker could not take it, and counted where it never will', async () => {
    const refusals: Record<string, number[]> = { alarm: [0x97], secret: [0x87] };
    const { url, published } = await broker((packet, connection) => {
      const reasonCode = packet.cmd === 'publish' ? refusals[packet.topic]?.shift() : undefined;
      if (reasonCode === undefined) return false;
      connection.send({ cmd: 'puback', messageId: packet.messageId as number, reasonCode });
      return true;
    });
    const { publisher, log } = await publisherAt(url);
    await publisher.start();
    publisher.retain('alarm', Buffer.from('cleared'));
    publisher.retain('secret', Buffer.from('s'));
    await waitFor(() => expect(textsOn('alarm', published)).toEqual(['cleared', 'cleared']));
    expect(textsOn('secret', published)).toEqual(['s']);
    expect(publisher.figures.dropped.refused).toBe(1);
    expect(log.join('\n')).toMatch(/refuses a message on secret/);
  });

  it('holds the last word of a device that ends, after all that was to be said', async () => {
    const { script, excesses } = strict(1, 20);
    const { url, connections, published } = await broker(...script);
    const { publisher, close } = await publisherAt(url);
    await publisher.start();
    for (const state of ['online', 'stopping']) publisher.retain('status', Buffer.from(state));
    publisher.retain('alarm', Buffer.from('cleared'));
    await close({ topic: 'status', payload: Buffer.from('offline') }, 5000);
    expect(textsOn('alarm', published)).toEqual(['cleared']);
    expect(textsOn('status', published)).toEqual(['online', 'offline']);
    await waitFor(() => expect(connections[0]?.heard.at(-1)?.cmd).toBe('disconnect'));
    expect(excesses()).toBe(0);
  });
});

describe('subscriptions', () => {
  it('are granted each by itself: a topic that is refused is named, and keeps none of the others', async () => {
    const { url } = await broker((packet, connection) => {
      if (packet.cmd !== 'subscribe') return false;
      const granted = packet.subscriptions.map(({ topic, qos }) => (topic === 'forbidden' ? 0x87 : qos));
      connection.send({ cmd: 'suback', messageId: packet.messageId as number, granted } as Packet);
      return true;
    });
    const { publisher, log } = await publisherAt(url);
    const granted: string[] = [];
    for (const topic of ['wanted', 'forbidden', 'also wanted'])
      publisher.subscribe(topic, () => undefined, { granted: () => granted.push(topic) });
    await publisher.start();
    await waitFor(() => expect(granted).toEqual(['wanted', 'also wanted']));
    const refused = log.filter((line) => /refuses/.test(line));
    expect(refused).toEqual([expect.stringMatching(/refuses a subscription: forbidden \(.*Not authorized/)]);
  });
});
