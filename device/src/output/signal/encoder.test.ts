import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { IPublishPacket } from 'mqtt';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../../../test/support/patience.js';
import { countOf, Encoder } from './encoder.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function encoderOf(config: object) {
  const logger = { warn: vi.fn(), error: vi.fn() };
  const topics = new Map<string, (message: IPublishPacket) => void>();
  const [moved, anew] = [vi.fn(), vi.fn()];
  const encoder = new Encoder({
    config: { bits: 32, reverse: false, pollMs: 1, ...config } as never,
    distance: 1000,
    maxLateMs: 50,
    logger,
    subscribe: (topic, listener, { qos }) => topics.set(`${topic}, QoS ${qos}`, listener),
    moved,
    anew,
  });
  closers.push(() => encoder.close());
  const send = (payload: string | Buffer, retain = false) =>
    topics.get('plc/encoder, QoS 0')?.({ payload, retain } as IPublishPacket);
  return { encoder, logger, moved, anew, send };
}

/** What came in this turn of the event loop is read. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('an encoder on a topic', () => {
  it('moves with every count, and says once that a payload is none', async () => {
    const { encoder, logger, moved, anew, send } = encoderOf({ topic: 'plc/encoder' });
    send('4294967290');
    await turn();
    for (const payload of ['', 'NaN', '{"count":1}', '1e9', '0x10', '1'.repeat(40), Buffer.alloc(1 << 20)]) {
      send(payload);
    }
    expect(logger.error.mock.calls).toEqual([[expect.stringMatching(/plc\/encoder holds no count/)]]);
    // The second time the belt stands, and nothing is reckoned beyond the reading.
    send(Buffer.from(' 4\n'));
    await turn();
    send('4');
    await turn();
    expect(encoder.track.at(performance.now())).toBe(10);
    expect(moved).toHaveBeenCalledTimes(3);
    send('4294900000');
    await turn();
    expect(anew).toHaveBeenCalledTimes(1);
    send('1');
    encoder.close();
    send('0');
    await turn();
    expect(moved).toHaveBeenCalledTimes(4);
  });

  it('takes counts that come in one go for one reading, the last: the others have waited', async () => {
    const { encoder, moved, send } = encoderOf({ topic: 'plc/encoder' });
    send('0');
    await turn();
    for (let count = 1; count <= 500; count++) send(`${count}`);
    expect(moved).toHaveBeenCalledTimes(1);
    await turn();
    expect(moved).toHaveBeenCalledTimes(2);
    expect(encoder.track.at(performance.now())).toBeGreaterThanOrEqual(500);
  });

  it('takes no count that the broker has kept: it is that of another time', async () => {
    const { encoder, moved, send } = encoderOf({ topic: 'plc/encoder' });
    send('500', true);
    await turn();
    expect(encoder.track.at(performance.now())).toBeUndefined();
    send('900');
    send('500', true);
    await turn();
    expect(moved).toHaveBeenCalledTimes(1);
    expect(encoder.track.at(performance.now())).toBe(0);
  });

  it('takes a number for a count and nothing else for one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 64 })), (payload) => {
        const count = countOf(payload);
        expect(count === undefined || Number.isFinite(count)).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.nat(2 ** 32 - 1), (count) => void expect(countOf(`${count}\n`)).toBe(count)));
  });
});

describe('an encoder of the Linux counter subsystem', () => {
  it('is read again and again, also after its file was away', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'beltsight-counter-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'count');
    const { encoder, logger } = encoderOf({ path });
    await waitFor(() => expect(logger.error).toHaveBeenCalledTimes(1));
    expect(logger.error.mock.calls[0]?.[0]).toMatch(/count cannot be read: ENOENT/);
    writeFileSync(path, '100\n');
    await waitFor(() => expect(encoder.track.at(performance.now())).toBe(0));
    writeFileSync(path, '350\n');
    await waitFor(() => expect(encoder.track.at(performance.now())).toBe(250));
    expect(logger.error).toHaveBeenCalledTimes(1);
  });
});
