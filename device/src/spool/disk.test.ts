import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { Disk } from './disk.js';
import type { StoredRecord } from './record.js';
import { Store } from './store.js';

const record: StoredRecord = { importance: 'result', at: 1, body: Buffer.from('body') };

let folder: string;
let waiting: Set<number>;
let disk: Disk;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-disk-'));
  waiting = new Set();
});
afterEach(async () => {
  await disk.close();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** Flushes and written keys, as the store is asked for them. */
async function open(sync: 'always' | number) {
  const writes = vi.spyOn(Store.prototype, 'write');
  disk = new Disk({
    folder,
    sync,
    logger: pino({ level: 'silent' }),
    retryMs: 20,
    origin: 100,
    recordOf: () => record,
    written: () => undefined,
    waits: (from, to) => [...waiting].some((key) => key >= from && key <= to),
    opened: () => undefined,
  });
  await disk.open();
  return {
    flushes: () => writes.mock.calls.filter(([, flush]) => flush).length,
    written: () => writes.mock.calls.flatMap(([changes]) => changes.map(([key, body]) => (body ? key : -key))),
  };
}

describe('Disk', () => {
  it('flushes every write where the configuration says so', async () => {
    const { flushes } = await open('always');
    for (const key of [100, 101]) {
      disk.put(key);
      await disk.idle();
    }
    expect(flushes()).toBe(2);
  });

  it('flushes what waits for longer, once, and nothing that was delivered before', async () => {
    const { flushes } = await open(40);
    disk.put(100);
    await disk.idle();
    disk.remove(100, true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(flushes()).toBe(0);
    waiting.add(101);
    disk.put(101);
    await waitFor(() => expect(flushes()).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(flushes()).toBe(1);
  });

  it('never writes what was removed before its turn', async () => {
    const { written } = await open(1000);
    disk.put(100);
    disk.put(101);
    disk.remove(100, false);
    await disk.idle();
    disk.remove(101, true);
    await disk.idle();
    expect(written()).toEqual([101, -101]);
  });

  it('says why it cannot write, tries again by itself, and tells when it is back', async () => {
    const { written } = await open(1000);
    vi.spyOn(Store.prototype, 'write').mockRejectedValueOnce(new Error('EIO: i/o error'));
    disk.put(100);
    await disk.idle();
    expect(disk.fault).toMatch(/EIO/);
    disk.put(101);
    await waitFor(() => expect(disk.fault).toBeUndefined());
    disk.put(102);
    await disk.idle();
    expect(written().at(-1)).toBe(102);
    expect(disk.read(102)?.body.toString()).toBe('body');
  });
});
