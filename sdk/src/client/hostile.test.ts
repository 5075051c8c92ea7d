import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { heapInUse, hostilePayloads } from '../../../test/support/hostile.js';
import { encodeHeatmap } from '../heatmap/codec.js';
import { tagJpeg } from '../messages/frame.js';
import { topicsOf } from '../topics.js';
import { InspectionClient } from './inspection-client.js';

/** A connection without a broker: payloads are fed as fast as they can be parsed. */
const connection = Object.assign(new EventEmitter(), {
  subscribeAsync: async () => [],
  endAsync: async () => undefined,
});
vi.mock('./connect.js', () => ({ connectMqtt: async () => connection }));

const ID = '0190f3a4-0000-7000-8000-000000000001';
const AT = '2026-01-01T00:00:00.000Z';
const topics = topicsOf({ site: 's', line: 'l', device: 'd' });
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const result = {
  schema: 'beltsight.result/1',
  id: ID,
  camera: 'c',
  frame: { sequence: 0, capturedAt: AT },
  verdict: 'pass',
  score: 0.5,
  threshold: 1,
  pValue: 0.5,
  class: { name: 'cap', source: 'recognised', distance: 0.1 },
  modelId: '0123456789abcdef',
  latencyMs: 12,
};
const status = {
  schema: 'beltsight.status/1',
  state: 'online',
  at: AT,
  device: { site: 's', line: 'l', device: 'd' },
  cameras: [{ name: 'c', state: 'running', frames: 1, dropped: 0, inspected: 1, rateHz: 1 }],
};
const alarm = {
  schema: 'beltsight.alarm/1',
  id: ID,
  camera: 'c',
  kind: 'reject-rate',
  state: 'raised',
  since: AT,
  at: AT,
  value: 0.2,
  limit: 0.1,
  message: 'too many',
};
const reject = {
  schema: 'beltsight.reject/1',
  id: ID,
  results: [ID],
  camera: 'c',
  at: AT,
  lateMs: 0,
  verdict: 'reject',
  class: 'cap',
};
const reply = { schema: 'beltsight.reply/1', id: 'r', command: 'pause', at: AT, ok: true, value: {}, latencyMs: 1 };
const heatmap = encodeHeatmap(
  { width: 4, height: 4, values: new Float32Array(16) },
  { id: ID, low: 0, high: 1, threshold: null },
);
const jpeg = tagJpeg(Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), ID);

const SUBSCRIBED = [
  { topic: topics.result('c'), valid: [json(result)], count: 30_000 },
  { topic: topics.status, valid: [json(status)], count: 20_000 },
  { topic: topics.alarm('c'), valid: [json(alarm)], count: 10_000 },
  { topic: topics.reject('c'), valid: [json(reject)], count: 10_000 },
  { topic: topics.reply('r'), valid: [json(reply)], count: 10_000 },
  { topic: topics.heatmap('c'), valid: [heatmap], count: 20_000 },
  { topic: topics.frame('c'), valid: [jpeg], count: 20_000 },
];
const EVENTS = ['result', 'status', 'alarm', 'reject', 'reply', 'heatmap', 'frame'] as const;
const HEAP_GROWTH_BYTES = 16 * 2 ** 20;

describe('InspectionClient under fire', () => {
  it('survives 120,000 hostile payloads: each is a message or invalid, and nothing is kept', async () => {
    const client = await InspectionClient.connect('mqtt://nowhere', { replies: true });
    // It holds what comes before this turn ends.
    await new Promise((resolve) => setTimeout(resolve));
    const heard = { messages: 0, invalid: 0, errors: 0 };
    for (const event of EVENTS) client.on(event, () => heard.messages++);
    client.on('invalid', () => heard.invalid++);
    client.on('error', () => heard.errors++);
    const fire = (share: number) => {
      for (const { topic, valid, count } of SUBSCRIBED) {
        const before = { ...heard };
        for (const payload of hostilePayloads(valid, count * share)) connection.emit('message', topic, payload);
        const invalid = heard.invalid - before.invalid;
        const messages = heard.messages - before.messages;
        expect(invalid).toBeGreaterThan((count * share) / 4);
        // Results and rejects whose id was left alone have come already.
        if ([topics.result('c'), topics.reject('c')].includes(topic))
          expect(invalid + messages).toBeLessThanOrEqual(count * share);
        else expect(invalid + messages).toBe(count * share);
      }
    };
    fire(0.1);
    const before = heapInUse();
    fire(1);
    expect(heapInUse() - before).toBeLessThan(HEAP_GROWTH_BYTES);
    expect(heard.errors).toBe(0);
    expect({}).not.toHaveProperty('polluted');
    const { messages } = heard;
    connection.emit('message', topics.result('c'), json({ ...result, id: ID.replace(/1$/, '2') }));
    expect(heard.messages).toBe(messages + 1);
  });

  it('takes no text for a message that is not UTF-8', async () => {
    const client = await InspectionClient.connect('mqtt://nowhere', { replies: true });
    // It holds what comes before this turn ends.
    await new Promise((resolve) => setTimeout(resolve));
    const invalid: string[] = [];
    client.on('invalid', ({ topic }) => invalid.push(topic));
    const [before, after] = json({ ...result, modelId: '§' })
      .toString()
      .split('§') as [string, string];
    const payload = Buffer.concat([Buffer.from(before), Buffer.of(0xc3, 0x28), Buffer.from(after)]);
    connection.emit('message', topics.result('c'), payload);
    expect(invalid).toEqual([topics.result('c')]);
  });
});
