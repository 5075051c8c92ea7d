import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BeltsightError, type ErrorCode } from '@beltsight/sdk';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Candidate } from './host.js';
import { Installation } from './installation.js';
import type { FoundRelease } from './source/releases.js';
import type { BlobStore } from './store/blobs.js';
import { RecordFile } from './store/record.js';
import type { Slots } from './store/slots.js';

let folder: string;
let record: RecordFile;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-installation-'));
  record = await RecordFile.open(folder, () => undefined);
});
afterEach(async () => {
  await record.close();
  await rm(folder, { recursive: true });
});

const signal = new AbortController().signal;
const found = {
  path: 'releases/_/bottles-3.json',
  digest: '3'.repeat(64),
  release: { files: {}, modelId: 'm3' },
} as unknown as FoundRelease;

/** Tests a release on a machine where bundles cannot be opened; why it is not tried again. */
async function tested(faults: Readonly<Record<string, ErrorCode>>) {
  const closed: string[] = [];
  const candidate = async (place: string): Promise<Candidate> => {
    const code = faults[place];
    if (code) throw new BeltsightError(code, `${place} cannot be opened`);
    return { modelId: place, use: async () => undefined, close: async () => void closed.push(place) };
  };
  const installation = new Installation({
    record,
    slots: { path: (place: string) => place, requireManifest: async () => undefined } as unknown as Slots,
    blobs: { dropDamaged: async () => false } as unknown as BlobStore,
    host: { modelId: 'factory', falseRejectRate: 0.05, candidate },
    logger: pino({ level: 'silent' }),
    now: Date.now,
  });
  await expect(installation.test('a', found, signal)).rejects.toMatchObject({ code: faults.a });
  return { failure: installation.failure(found), closed };
}

describe('a release that cannot be opened', () => {
  it.each(['BUNDLE_INVALID', 'MODEL_INVALID', 'INFERENCE_FAILED'] as const)(
    'is not tried again where %s says that it is no good',
    async (code) => {
      expect(await tested({ a: code })).toMatchObject({ failure: 'a cannot be opened' });
    },
  );

  it.each(['RUNTIME_UNAVAILABLE', 'BUNDLE_CORRUPT', 'IO_FAILED', 'CONFIG_INVALID'] as const)(
    'is tried again where %s says that the machine is not well',
    async (code) => {
      expect(await tested({ a: code })).toMatchObject({ failure: undefined });
    },
  );

  it('is tried again where no provider runs the model in use either', async () => {
    const code = 'PROVIDER_UNAVAILABLE';
    expect(await tested({ a: code, factory: code })).toMatchObject({ failure: undefined });
  });

  it('is not where every provider refuses this model alone', async () => {
    expect(await tested({ a: 'PROVIDER_UNAVAILABLE' })).toEqual({
      failure: 'a cannot be opened',
      closed: ['factory'],
    });
  });
});
