import type { IPublishPacket } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { CopyingStore } from './copying-store.js';

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
