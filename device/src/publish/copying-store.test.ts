import { connectMqtt } from '@beltsight/sdk';
import type { IPublishPacket } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { PACKETS, scriptedBroker } from '../../../test/support/scripted-broker.js';
import { CopyingStore } from './copying-store.js';

const TOPIC = 'some/topic';
const packet = (messageId: number) =>
  ({
    cmd: 'publish',
    topic: `t${messageId}`,
    messageId,
    qos: 1,
    dup: false,
    retain: false,
    payload: '',
  }) as IPublishPacket;
const all = async (store: CopyingStore) => {
  const packets: IPublishPacket[] = [];
  for await (const stored of store.createStream() as unknown as AsyncIterable<IPublishPacket>) packets.push(stored);
  return packets;
};

describe('CopyingStore', () => {
  it('hands out copies, in order: what the client writes into them is gone the next time', async () => {
    const store = new CopyingStore();
    for (const id of [3, 1, 2]) store.put(packet(id), () => undefined);
    for (const copy of await all(store)) copy.topic = '';
    expect((await all(store)).map(({ topic }) => topic)).toEqual(['t3', 't1', 't2']);
  });

  it('counts the time that a message waits: it expires when it would have, but is sent', async () => {
    let ms = 0;
    const store = new CopyingStore(() => ms);
    const properties = { messageExpiryInterval: 60, contentType: 'text/plain' };
    store.put({ ...packet(1), properties }, () => undefined);
    store.put(packet(2), () => undefined);
    const left = async () => (await all(store)).map(({ properties }) => properties?.messageExpiryInterval);
    expect(await left()).toEqual([60, undefined]);
    ms = 20_500;
    expect(await left()).toEqual([40, undefined]);
    ms = 3_600_000;
    expect(await left()).toEqual([1, undefined]);
    expect((await all(store))[0]?.properties?.contentType).toBe('text/plain');
  });

  it('lets a message that was sent by its alias be sent again with its topic', async () => {
    const received: Buffer[] = [];
    const broker = await scriptedBroker((socket, _, connection) => {
      received[connection] = Buffer.of();
      socket.write(PACKETS.connackAliases);
      socket.on('data', (chunk) => {
        const all = Buffer.concat([received[connection] as Buffer, chunk]);
        received[connection] = all;
        // The first message is acknowledged at the second connection only: the other one follows it there, by alias.
        const id = all.indexOf(TOPIC) + TOPIC.length;
        if (connection === 2 && chunk.includes('first')) socket.write(PACKETS.puback(all.subarray(id, id + 2)));
      });
    });
    const options = { autoAssignTopicAlias: true, outgoingStore: new CopyingStore() };
    const client = await connectMqtt(broker.url, options, { longestWaitMs: 20 });
    for (const text of ['first', 'other']) client.publish(TOPIC, text, { qos: 1 });
    for (const connection of [1, 2, 3]) {
      await waitFor(() => expect(received[connection]?.includes('other')).toBe(true));
      expect(received[connection]?.includes(TOPIC)).toBe(true);
      client.stream.destroy();
    }
    await client.endAsync(true);
    await broker.stop();
  });

  it('forgets what was acknowledged, and says what it does not know', async () => {
    const store = new CopyingStore();
    store.put(packet(1), () => undefined);
    const answers: unknown[] = [];
    const note = (error?: Error, found?: unknown) => answers.push(error?.message ?? found);
    store.get({ messageId: 1 }, note).del({ messageId: 1 }, note).get({ messageId: 1 }, note);
    const unknown = 'no such message is in flight';
    expect(answers).toEqual([packet(1), packet(1), unknown]);
    expect(await all(store)).toEqual([]);
  });
});
