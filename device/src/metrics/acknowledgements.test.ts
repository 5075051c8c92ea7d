import { EventEmitter } from 'node:events';
import type { MqttClient } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { timed } from './acknowledgements.js';

async function connection() {
  const heard: number[] = [];
  const client = new EventEmitter();
  await timed(
    async () => client as unknown as MqttClient,
    (ms) => heard.push(ms),
  )(() => undefined);
  const send = (messageId: number, qos = 1) => client.emit('packetsend', { cmd: 'publish', qos, messageId });
  const acknowledge = (messageId: number) => client.emit('packetreceive', { cmd: 'puback', messageId });
  return { client, heard, send, acknowledge };
}

describe('timed', () => {
  it('hears of each QoS 1 message once, in whatever order they are acknowledged', async () => {
    const { client, heard, send, acknowledge } = await connection();
    send(1);
    send(2);
    send(3, 0);
    client.emit('packetsend', { cmd: 'subscribe', messageId: 4 });
    for (const id of [2, 1, 1, 3, 4, 99]) acknowledge(id);
    expect(heard).toHaveLength(2);
    expect(heard.every((ms) => ms >= 0)).toBe(true);
  });

  it('forgets what was not acknowledged when the connection is lost, and when there is too much of it', async () => {
    const { client, heard, send, acknowledge } = await connection();
    send(1);
    client.emit('close');
    acknowledge(1);
    expect(heard).toEqual([]);
    for (let id = 1; id <= 2000; id++) send(id);
    for (let id = 1; id <= 2000; id++) acknowledge(id);
    expect(heard).toHaveLength(1000);
  });

  it('passes on why there is no connection', async () => {
    const refused = timed(
      async () => {
        throw new Error('nobody there');
      },
      () => undefined,
    );
    await expect(refused(() => undefined)).rejects.toThrow('nobody there');
  });
});
