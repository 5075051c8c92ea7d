import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OVERHEAD_BYTES } from './ledger.js';
import { openQueue } from './queue.js';

const logger = pino({ level: 'silent' });
let root: string;
let number = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'beltsight-queue-'));
});
afterAll(() => rm(root, { recursive: true }));

describe('a queue on disk', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ push: fc.nat(200) }) },
    { weight: 3, arbitrary: fc.record({ peek: fc.nat(5), remove: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant('reopen' as const) },
  );

  it('is the bounded list that it is said to be, over restarts', async () => {
    const maxBytes = 2500;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const folder = join(root, String(number++));
        let queue = await openQueue({ folder, maxBytes, logger });
        const model: string[] = [];
        for (const [i, each] of steps.entries()) {
          if (each === 'reopen') {
            await queue.close();
            queue = await openQueue({ folder, maxBytes, logger });
          } else if ('push' in each) {
            const record = `${i}`.padEnd(each.push, '.');
            queue.push(Buffer.from(record));
            model.push(record);
            while (model.reduce((sum, { length }) => sum + length + OVERHEAD_BYTES, 0) > maxBytes) model.shift();
          } else {
            const records = queue.peek(each.peek);
            expect(records.map(({ record }) => Buffer.from(record).toString())).toEqual(model.slice(0, each.peek));
            const last = records.at(-1);
            if (each.remove && last) {
              queue.removeThrough(last.key);
              model.splice(0, records.length);
            }
          }
          expect(queue.size).toBe(model.length);
        }
        await queue.close();
        await rm(folder, { recursive: true });
      }),
      { numRuns: 40 },
    );
  });

  it('gives up records that waited too long', async () => {
    const queue = await openQueue({ folder: join(root, String(number++)), maxBytes: 10_000, maxAgeMs: 1, logger });
    queue.push(Buffer.from('old'));
    await expect.poll(() => queue.size, { timeout: 30_000 }).toBe(0);
    expect(queue.peek(1)).toEqual([]);
    await queue.close();
  });
});
