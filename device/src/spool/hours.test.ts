import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Backlog } from './backlog.js';

const HOUR_MS = 3_600_000;
const MEGABYTE = 2 ** 20;
/** A device that inspects a product in three seconds, and publishes a picture of every tenth. */
const STEP_MS = 3000;
const RESULT = 600;
const PICTURE = 6000;

async function bytesOnDisk(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => {
    try {
      return (await stat(join(folder, name))).size;
    } catch {
      // A table that a compaction has just replaced.
      return 0;
    }
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

it('stays bounded on disk and in memory through 72 hours with the broker away for two days of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-hours-'));
  let now = Date.UTC(2026, 0);
  const limits = { maxBytes: 6 * MEGABYTE, maxAgeMs: 23 * HOUR_MS, memoryBytes: 2 * MEGABYTE };
  const backlog = await Backlog.open({ folder, limits, sync: 1000, logger: pino({ level: 'silent' }), now: () => now });
  const away = (hour: number) => (hour >= 6 && hour < 30) || (hour >= 40 && hour < 64);
  let [pushed, pictures, delivered, lastDelivered, most] = [0, 0, 0, -1, 0];
  const deliver = async () => {
    for (let key = backlog.next(0); key !== undefined; key = backlog.next(key + 1)) {
      if (!backlog.get(key)) await backlog.load(key);
      const record = backlog.get(key);
      if (!record) continue;
      backlog.remove(key);
      const index = Buffer.from(record.body).readUInt32BE();
      expect(index).toBeGreaterThan(lastDelivered);
      lastDelivered = index;
      delivered++;
    }
  };
  let index = 0;
  const push = (bytes: number, importance: 'picture' | 'result') => {
    const body = Buffer.alloc(bytes, 1);
    body.writeUInt32BE(index++);
    backlog.push(body, importance);
  };
  const heap: number[] = [];
  for (let hour = 0; hour < 72; hour++) {
    for (let step = 0; step < HOUR_MS / STEP_MS; step++) {
      now += STEP_MS;
      if (step % 10 === 0) {
        push(PICTURE, 'picture');
        pictures++;
      }
      push(RESULT, 'result');
      pushed++;
      if (step % 100 === 99) {
        await backlog.settled();
        if (!away(hour)) await deliver();
      }
    }
    const { bytes } = backlog.figures;
    expect(bytes).toBeLessThanOrEqual(limits.maxBytes);
    most = Math.max(most, await bytesOnDisk(folder));
    heap.push(process.memoryUsage().external + process.memoryUsage().heapUsed);
  }
  await deliver();
  const { dropped } = backlog.figures;
  await backlog.close();
  expect(dropped.damaged).toBe(0);
  expect(delivered + dropped.picture + dropped.result + dropped.expired).toBe(pushed + pictures);
  // A day at 1.5 MB an hour does not fit into 6 MB: pictures went first, then the oldest results.
  expect(dropped.picture).toBeGreaterThan(0);
  expect(dropped.result).toBeGreaterThan(0);
  // Besides what waits, a segment of each kind that is not full yet or not empty yet.
  expect(most).toBeLessThan(limits.maxBytes + 8 * MEGABYTE);
  expect(Math.max(...heap) - (heap[0] as number)).toBeLessThan(100 * MEGABYTE);
  await rm(folder, { recursive: true });
});
