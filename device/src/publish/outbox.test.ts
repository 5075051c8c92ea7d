import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutgoingMessage } from './outbox.js';

const message = (importance: 'picture' | 'result', topic: string, bytes = 10): OutgoingMessage => ({
  topic,
  payload: Buffer.alloc(bytes),
  importance,
  options: {},
});
const drain = (outbox: Outbox) => {
  const topics: string[] = [];
  for (let next = outbox.shift(); next; next = outbox.shift()) topics.push(next.topic);
  return topics;
};

describe('Outbox', () => {
  it('gives up the oldest pictures first, results last, and counts them', () => {
    const outbox = new Outbox({ maxMessages: 3, maxBytes: 1000 });
    for (const [kind, topic] of [
      ['picture', 'p1'],
      ['result', 'r1'],
      ['picture', 'p2'],
      ['result', 'r2'],
      ['result', 'r3'],
      ['result', 'r4'],
    ] as const)
      outbox.push(message(kind, topic));
    expect(outbox.dropped).toEqual({ picture: 2, result: 1 });
    expect(drain(outbox)).toEqual(['r2', 'r3', 'r4']);
  });

  it('stays within its limits, in order, whatever comes', () => {
    const item = fc.record({ kind: fc.constantFrom('picture' as const, 'result' as const), bytes: fc.nat(60) });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (items) => {
        const outbox = new Outbox({ maxMessages: 7, maxBytes: 100 });
        for (const [i, { kind, bytes }] of items.entries()) outbox.push(message(kind, String(i), bytes));
        expect(outbox.fill).toBeLessThanOrEqual(1);
        const { picture, result } = outbox.dropped;
        const left = drain(outbox).map(Number);
        expect(left).toEqual([...left].sort((a, b) => a - b));
        expect(left.length + picture + result).toBe(items.length);
      }),
    );
  });

  it('gives up no result while a picture waits', () => {
    fc.assert(
      fc.property(fc.nat(9), fc.array(fc.nat(60), { maxLength: 30 }), (pictures, results) => {
        const outbox = new Outbox({ maxMessages: 7, maxBytes: 100 });
        for (let i = 0; i < pictures; i++) outbox.push(message('picture', 'picture', 5));
        for (const bytes of results) outbox.push(message('result', 'result', bytes));
        if (outbox.dropped.result > 0) expect(drain(outbox)).not.toContain('picture');
      }),
    );
  });
});
