import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { BirthDeathSequence, wrapped } from './counters.js';
import { PrimaryHost } from './primary-host.js';

const logger = pino({ level: 'silent' });
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function stateFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-bdseq-'));
  folders.push(folder);
  return folder;
}

describe('sequence numbers', () => {
  it('grow by one and are 0 after 255', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(2000), (start, steps) => {
        let number = start;
        for (let i = 0; i < steps; i++) number = wrapped(number);
        expect(number).toBe((start + steps) % 256);
      }),
    );
  });
});

describe('bdSeq', () => {
  it('goes on over restarts, from 0 to 255 and round again', async () => {
    const state = join(await stateFolder(), 'state');
    const seen: number[] = [];
    for (let restart = 0; restart < 26; restart++) {
      const sequence = await BirthDeathSequence.open(state, logger);
      for (let i = 0; i < 10; i++) seen.push(await sequence.take());
    }
    expect(seen).toEqual(Array.from({ length: 260 }, (_, i) => i % 256));
  });

  it('begins anew where its file is damaged, and goes on where it cannot be written', async () => {
    const state = await stateFolder();
    await writeFile(join(state, 'sparkplug.json'), '{"nextBdSeq": 300}');
    expect(await (await BirthDeathSequence.open(state, logger)).take()).toBe(0);
    await writeFile(join(state, 'file'), '');
    const nowhere = await BirthDeathSequence.open(join(state, 'file'), logger);
    expect([await nowhere.take(), await nowhere.take()]).toEqual([0, 1]);
  });
});

describe('STATE of the primary host', () => {
  const state = (online: unknown, timestamp: unknown) => Buffer.from(JSON.stringify({ online, timestamp }));

  it('holds by its newest timestamp, also over sessions', () => {
    const host = new PrimaryHost();
    expect(host.hear(state(true, 100))).toBe('online');
    expect(host.hear(state(false, 99))).toBe('stale');
    expect(host.online).toBe(true);
    expect(host.hear(state(false, 100))).toBe('offline');
    host.forget();
    expect(host.hear(state(true, 99))).toBe('stale');
    expect(host.hear(state(true, 101))).toBe('online');
  });

  it('is read without trust', () => {
    const host = new PrimaryHost();
    for (const junk of [
      state('true', 1),
      state(true, '1'),
      state(true, null),
      Buffer.from('ONLINE'),
      Buffer.alloc(5000),
      Buffer.of(0xff),
    ])
      expect(host.hear(junk)).toBe('invalid');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(['invalid', 'online', 'offline', 'stale']).toContain(host.hear(bytes));
        },
      ),
    );
  });
});
