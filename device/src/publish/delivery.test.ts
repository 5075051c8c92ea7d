import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IClientPublishOptions, MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { spoolSchema } from '../spool/schema.js';
import { Delivery } from './delivery.js';
import { InFlight } from './flow/in-flight.js';
import { Outbox, type OutgoingMessage } from './outbox.js';
import { Refusals } from './refusal.js';

const logger = pino({ level: 'silent' });

/** Takes publishes; a test acknowledges them. */
class FakeClient extends EventEmitter {
  connected = true;
  readonly published: {
    topic: string;
    text: string;
    options: IClientPublishOptions;
    answer: (error?: Error) => void;
  }[] = [];

  publish(topic: string, payload: Buffer, options: IClientPublishOptions, landed: (error?: Error) => void): void {
    const messageId = this.published.length + 1;
    const answer = (error?: Error) => {
      this.emit('packetreceive', { cmd: 'puback', messageId });
      landed(error);
    };
    this.published.push({ topic, text: payload.toString(), options, answer });
    this.emit('packetsend', { cmd: 'publish', qos: options.qos, messageId });
  }

  get texts(): string[] {
    return this.published.map(({ text }) => text);
  }

  acknowledgeAll(): void {
    for (let i = 0; i < this.published.length; i++) this.published[i]?.answer();
  }
}

const result = (text: string): OutgoingMessage => ({
  topic: 'result',
  payload: Buffer.from(text),
  importance: 'result',
  options: { qos: 1, properties: { contentType: 'application/json' } },
});
const picture = (text: string): OutgoingMessage => ({
  topic: 'picture',
  payload: Buffer.from(text),
  importance: 'picture',
  options: { qos: 0, properties: { messageExpiryInterval: 3600 } },
});
const refusal = (code: number) => Object.assign(new Error('refused'), { code });

let folder: string;
let outbox: Outbox;
let delivery: Delivery;
let inFlight: InFlight;
let refusals: Refusals;
let fake: FakeClient;
const client = () => fake as unknown as MqttClient;
/** Another client, at a broker that takes so many messages at once. */
const newClient = (receiveMaximum?: number) => {
  fake = new FakeClient();
  inFlight.follow(client());
  inFlight.limit(receiveMaximum);
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-delivery-'));
  outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
  inFlight = new InFlight();
  refusals = new Refusals(logger);
  delivery = new Delivery({ outbox, inFlight, refusals, logger, changed: () => undefined });
  newClient();
});
afterEach(async () => {
  vi.useRealTimers();
  delivery.stop();
  await outbox.close();
  await rm(folder, { recursive: true });
});

describe('Delivery', () => {
  it("sends in order within the broker's receive maximum, leaves room in it for others, and takes out what is acknowledged", () => {
    for (let i = 0; i < 10; i++) outbox.push(result(`${i}`));
    newClient(5);
    delivery.online(client(), {});
    expect(fake.texts).toEqual(['0', '1', '2']);
    expect(outbox.size).toBe(10);
    fake.published[0]?.answer();
    expect([fake.texts.length, outbox.size]).toEqual([4, 9]);
    fake.acknowledgeAll();
    expect(fake.texts).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    expect(outbox.size).toBe(0);
  });

  it('leaves what is unacknowledged to the client over a lost connection, and pictures that were not written to itself', () => {
    outbox.push(picture('p'));
    outbox.push(result('r'));
    delivery.online(client(), {});
    delivery.offline();
    outbox.push(result('later'));
    delivery.pump();
    expect(fake.texts).toEqual(['p', 'r']);
    delivery.online(client(), {});
    expect(fake.texts).toEqual(['p', 'r', 'p', 'later']);
    // The client sends `r` again; what it says of the first `p` counts no more.
    fake.acknowledgeAll();
    expect(outbox.size).toBe(0);
  });

  it('sends everything again, in order, through another client', () => {
    for (const text of ['a', 'b']) outbox.push(result(text));
    delivery.online(client(), {});
    const [before] = [fake];
    delivery.offline();
    fake.emit('close');
    newClient();
    outbox.push(result('c'));
    delivery.online(client(), {});
    expect(fake.texts).toEqual(['a', 'b', 'c']);
    fake.acknowledgeAll();
    before.acknowledgeAll();
    expect(outbox.size).toBe(0);
  });

  it.each([0x87, 0x90, 0x99])('drops and counts what the broker refuses for good (reason %i)', (code) => {
    outbox.push(result('bad'));
    outbox.push(result('good'));
    newClient(1);
    delivery.online(client(), {});
    fake.published[0]?.answer(refusal(code));
    expect(fake.texts).toEqual(['bad', 'good']);
    expect([outbox.size, refusals.count]).toEqual([1, 1]);
  });

  it('repeats what the broker cannot take now, ever more slowly, before anything newer, and not for ever', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    outbox.push(result('quota'));
    outbox.push(result('newer'));
    newClient(1);
    delivery.online(client(), {});
    for (let attempt = 0; attempt < 7; attempt++) {
      expect(fake.texts).toEqual(Array(attempt + 1).fill('quota'));
      fake.published[attempt]?.answer(refusal(0x97));
      delivery.pump();
      expect(fake.published).toHaveLength(attempt + 1);
      vi.advanceTimersByTime(Math.min(500 * 2 ** attempt, 30_000) - 1);
      expect(fake.published).toHaveLength(attempt + 1);
      vi.advanceTimersByTime(30_000);
    }
    fake.published[7]?.answer(refusal(0x97));
    expect(refusals.count).toBe(1);
    vi.advanceTimersByTime(30_000);
    expect(fake.texts.at(-1)).toBe('newer');
  });

  it('rests when the client itself fails, instead of trying in a circle', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    outbox.push(result('r'));
    delivery.online(client(), {});
    fake.published[0]?.answer(new Error('client disconnecting'));
    delivery.pump();
    expect(fake.published).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(fake.texts).toEqual(['r', 'r']);
    expect(outbox.size).toBe(1);
  });

  it('passes over what is larger than the broker takes', () => {
    outbox.push(picture('x'.repeat(2000)));
    outbox.push(result('r'));
    delivery.online(client(), { maximumPacketSize: 1000 });
    expect(fake.texts).toEqual(['r']);
    expect(delivery.tooLarge).toBe(1);
    expect(outbox.size).toBe(1);
  });
});

describe('Outbox', () => {
  it('gives a message back as it was, after a restart too, and says what is left of its expiry', async () => {
    const sent: OutgoingMessage = {
      topic: 'a/ü',
      payload: Buffer.from([0, 255, 10]),
      importance: 'result',
      options: { qos: 1, retain: true, properties: { messageExpiryInterval: 60, userProperties: { a: 'b' } } },
    };
    outbox.push(sent);
    await outbox.close();
    outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
    const key = outbox.next(0) as number;
    expect(outbox.get(key)).toBeUndefined();
    await outbox.load(key);
    const message = outbox.get(key) as OutgoingMessage;
    expect(message).toEqual(sent);
    expect(outbox.secondsLeft(key, message)).toBeGreaterThan(50);
    expect(outbox.secondsLeft(key, result('no expiry'))).toBeUndefined();
    outbox.expire(key);
    expect(outbox.figures).toMatchObject({ messages: 0, dropped: { expired: 1 } });
  });
});
