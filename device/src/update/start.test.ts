import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BeltsightError, type ErrorCode } from '@beltsight/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openInUse } from './start.js';
import { type Occupant, RecordFile, type UpdateRecord } from './store/record.js';
import type { Slots } from './store/slots.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-start-'));
});
afterEach(() => rm(folder, { recursive: true }));

const occupant = (number: number): Occupant => ({
  release: `releases/_/bottles-${number}.json`,
  digest: `${number}`.repeat(64),
  modelId: `m${number}`,
  manifest: 'a'.repeat(64),
});
const probation = { since: '2026-06-01T12:00:00.000Z', starts: 0 };
const [old, present] = [occupant(2), occupant(3)];
/** Bundles lie where they are named; their manifests are theirs. */
const slots = { path: (place: string) => place, requireManifest: async () => undefined } as unknown as Slots;

/** A device that runs bottles-3, and ran bottles-2 before. */
async function updated(change: Partial<UpdateRecord> = {}): Promise<void> {
  const record = await RecordFile.open(folder, () => undefined);
  await record.write({ active: 'b', fallback: 'a', slots: { a: old, b: present }, ...change });
  await record.close();
}

/** A start of the service; which place it inspects with, or why it ends. */
async function begin(faults: Partial<Record<'a' | 'b' | 'factory', ErrorCode>> = {}) {
  const record = await RecordFile.open(folder, () => undefined);
  const open = async (place: string) => {
    const code = faults[place as 'a'];
    if (code) throw new BeltsightError(code, `${place} cannot be opened`);
    return place;
  };
  const opened = await openInUse(record, slots, open, () => undefined).catch((error: BeltsightError) => error.code);
  await record.close();
  const { sequence: _, ...holds } = record.record;
  return { opened, ...holds };
}

describe('a device that begins', () => {
  it('on a machine where nothing can be opened ends, and begins with the model that it had when that has passed', async () => {
    for (const change of [{}, { probation }]) {
      await updated(change);
      const { opened: _, ...before } = await begin();
      const memory = { a: 'MODEL_INVALID', b: 'INFERENCE_FAILED', factory: 'MODEL_INVALID' } as const;
      const { opened: reason, ...after } = await begin(memory);
      expect(reason).toBe('MODEL_INVALID');
      expect(after).toEqual(before);
      expect(await begin()).toMatchObject({ opened: 'b', failed: [] });
    }
  });

  it('takes the one before where the one in use is no good, and tries one again that had proved itself', async () => {
    await updated();
    expect(await begin({ b: 'MODEL_INVALID' })).toMatchObject({
      opened: 'a',
      active: 'a',
      fallback: 'factory',
      slots: { a: old, b: null },
      failed: [],
    });
    expect(await begin({ a: 'INFERENCE_FAILED' })).toMatchObject({
      opened: 'factory',
      active: 'factory',
      slots: { a: null, b: null },
      failed: [],
    });
  });

  it('does not try one again that was on probation, unless the disk is to blame', async () => {
    await updated({ probation });
    const taken = { opened: 'factory', active: 'factory', probation: null, slots: { a: null, b: null } };
    const failed = [{ release: present.release, reason: 'b cannot be opened' }];
    expect(await begin({ a: 'MODEL_INVALID', b: 'MODEL_INVALID' })).toMatchObject({ ...taken, failed });
    await updated({ probation, failed: [] });
    expect(await begin({ a: 'BUNDLE_CORRUPT', b: 'BUNDLE_CORRUPT' })).toMatchObject({ ...taken, failed: [] });
  });

  it('does not hold it against a model on probation that the machine lets nothing begin', async () => {
    await updated({ probation });
    for (let i = 0; i < 5; i++) {
      expect(await begin({ b: 'RUNTIME_UNAVAILABLE' })).toMatchObject({ opened: 'RUNTIME_UNAVAILABLE', probation });
    }
    // Whoever begins with it and does not stay up is counted.
    for (let starts = 1; starts <= 3; starts++) {
      expect(await begin()).toMatchObject({ opened: 'b', probation: { starts } });
    }
    expect(await begin()).toMatchObject({ opened: 'a', failed: [{ release: present.release }] });
  });
});
