import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../../../test/support/patience.js';
import { InspectionCounter } from './counter.js';

let folder: string;
let file: string;
let runs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-count-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  file = join(folder, `${runs++}`, 'belt.json');
});

const NOW = Date.UTC(2026, 0, 1);
async function open(now = NOW) {
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  return { counter: await InspectionCounter.open({ file, logger, now: () => now }), logger };
}
const reserved = () => JSON.parse(readFileSync(file, 'utf8')).state.reserved as number;

describe('InspectionCounter', () => {
  it('begins by the clock, counts on by one, and over a restart without a jump', async () => {
    const { counter, logger } = await open();
    const first = counter.next('pass') as number;
    expect(first).toBe(NOW - Date.UTC(2025, 0, 1));
    expect(logger.info.mock.calls[0]?.[0]).toMatch(/begins at 31536000000, by the clock: there is no such file yet/);
    expect(counter.next('reject')).toBe(first + 1);
    await counter.close();
    const again = await open(NOW + 1e9);
    expect(again.counter.next('pass')).toBe(first + 2);
    expect(again.counter.totals).toEqual({ since: new Date(NOW).toISOString(), pass: 2, reject: 1, unknown: 0 });
    await again.counter.close();
  });

  it('has every number on the disk before it is handed out, and so only jumps forward after a kill', async () => {
    let last = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 700 }), async (results) => {
        // Never closed: a kill leaves what is on the disk. The counter before may still be writing, as a killed one cannot; so each has a
        // copy.
        const before = file;
        file = join(folder, `${runs++}`, 'belt.json');
        await cp(before, file).catch(() => undefined);
        const { counter } = await open();
        for (let i = 0; i < results; i++) {
          const number = counter.next('pass');
          if (number === undefined) {
            await new Promise((resolve) => setImmediate(resolve));
            continue;
          }
          expect(number).toBeGreaterThan(last);
          expect(number).toBeLessThanOrEqual(reserved());
          last = number;
        }
      }),
      { numRuns: 20 },
    );
  });

  it('gives no number rather than one that is not on the disk, and counts that result all the same', async () => {
    const { counter, logger } = await open();
    const numbers = Array.from({ length: 600 }, () => counter.next('pass'));
    expect(numbers.filter((number) => number !== undefined)).toHaveLength(256);
    expect(logger.warn).toHaveBeenCalledTimes(1);
    await waitFor(() => expect(counter.next('pass')).toBeGreaterThan((numbers[0] as number) + 599));
    expect(counter.totals.pass).toBeGreaterThan(600);
    await counter.close();
    expect(counter.next('pass')).toBeUndefined();
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, -20)],
    ['of another number', (text: string) => text.replace(/"reserved":\d/, '"reserved":0')],
    ['empty', () => ''],
    ['of another kind', () => '[1,2,3]'],
  ])('is ahead of all numbers there were when its file is %s, and says so', async (_, damage) => {
    const before = await open();
    let last = 0;
    for (let i = 0; i < 100; i++) last = before.counter.next('pass') as number;
    await before.counter.close();
    await writeFile(file, damage(await readFile(file, 'utf8')));
    // Ten results a second since.
    const { counter, logger } = await open(NOW + 10_000);
    expect(counter.next('pass')).toBeGreaterThan(last);
    expect(logger.error.mock.calls[0]?.[0]).toMatch(/begins at \d+, by the clock: it is damaged/);
    await counter.close();
  });

  it('is ahead of all numbers there were when its folder is lost', async () => {
    const before = await open();
    const last = before.counter.next('pass') as number;
    await before.counter.close();
    await rm(dirname(file), { recursive: true });
    const { counter } = await open(NOW + 10_000);
    expect(counter.next('pass')).toBeGreaterThan(last);
    await counter.close();
  });

  it('lets inspection go on without a number when the disk takes nothing, and says so once', async () => {
    await mkdir(dirname(dirname(file)), { recursive: true });
    await writeFile(dirname(file), 'a file where its folder should be');
    const { counter, logger } = await open();
    for (let i = 0; i < 10; i++) {
      expect(counter.next('pass')).toBeUndefined();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(logger.error.mock.calls.filter(([, text]) => /cannot be saved/.test(text ?? ''))).toHaveLength(1);
    await rm(dirname(file));
    await waitFor(() => expect(counter.next('pass')).toBeDefined());
    await counter.close();
  });
});
