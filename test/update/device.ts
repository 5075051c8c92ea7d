import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError, type DesiredMessage, type ResultMessage, type UpdateStateMessage } from '@beltsight/sdk';
import { MANIFEST, openBundle } from '@beltsight/sdk/bundle';
import { pino } from 'pino';
import type { Candidate, ModelHost } from '../../device/src/update/host.js';
import { HttpTransport } from '../../device/src/update/source/http.js';
import { Releases } from '../../device/src/update/source/releases.js';
import type { Transport } from '../../device/src/update/source/transport.js';
import { TrustedMetadata } from '../../device/src/update/source/trusted.js';
import { openInUse } from '../../device/src/update/start.js';
import { BlobStore } from '../../device/src/update/store/blobs.js';
import { RecordFile } from '../../device/src/update/store/record.js';
import { Slots } from '../../device/src/update/store/slots.js';
import { Updater, type UpdaterParts } from '../../device/src/update/updater.js';

const LIMITS = { minBytesPerSecond: 1, patienceMs: 60_000, maxBytesPerSecond: null };

/** Inspects with a bundle that was checked to the last byte, as the service does, but without pictures. */
class TestHost implements ModelHost {
  /** Model ids of all that were in use, in order. */
  readonly used: string[] = [];
  /** SHA-256 of the manifest of each bundle that was opened and found to be whole. */
  readonly manifests: string[];
  /** Refuses a model, as one whose golden samples score wrong. */
  refuse: (modelId: string) => string | undefined = () => undefined;

  readonly falseRejectRate = 0.05;
  modelId: string;

  constructor({ modelId, manifest }: Opened) {
    this.modelId = modelId;
    this.used.push(modelId);
    this.manifests = [manifest];
  }

  async candidate(folder: string): Promise<Candidate> {
    const { modelId, manifest } = await opened(folder);
    this.manifests.push(manifest);
    const refusal = this.refuse(modelId);
    if (refusal !== undefined) throw new BeltsightError('INFERENCE_FAILED', refusal);
    return {
      modelId,
      use: async () => {
        this.modelId = modelId;
        this.used.push(modelId);
      },
      close: async () => undefined,
    };
  }
}

interface Opened {
  readonly modelId: string;
  readonly manifest: string;
}

async function opened(folder: string): Promise<Opened> {
  const { manifest } = await openBundle((path) => readFile(join(folder, path)));
  return { modelId: manifest.modelId, manifest: await digestOf(folder) };
}

/** SHA-256 of the manifest of a bundle. */
export async function digestOf(bundle: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(bundle, MANIFEST)))
    .digest('hex');
}

export interface DeviceOptions {
  readonly folder: string;
  readonly factory: string;
  readonly root: string;
  readonly url: string;
  readonly parts?: Partial<UpdaterParts>;
  readonly refuse?: TestHost['refuse'];
  /** What was asked of it before it begins. */
  readonly desired?: DesiredMessage;
  /** Who hears every state, too; asked before the device begins. */
  readonly listen?: (updater: Updater) => (state: UpdateStateMessage) => void;
  /** Between the device and the repository. */
  readonly wrap?: (transport: Transport) => Transport;
}

/** The updating half of a device, begun as the service begins it; `results` stand for what it inspects. */
export async function startDevice({
  folder,
  factory,
  root,
  url,
  parts,
  refuse,
  desired,
  listen,
  wrap = (t) => t,
}: DeviceOptions) {
  const warnings: string[] = [];
  const warn = (line: string) => void warnings.push(line);
  const transport = wrap(new HttpTransport({ url }));
  const record = await RecordFile.open(folder, warn);
  const blobs = new BlobStore(join(folder, 'blobs'), { ...LIMITS, quotaBytes: 2 ** 30, reserveBytes: 0 });
  const slots = new Slots(folder, factory, blobs);
  const inUse = await openInUse(record, slots, opened, warn).catch(async (error) => {
    await record.close();
    throw error;
  });
  const host = new TestHost(inUse);
  if (refuse) host.refuse = refuse;
  const trusted = new TrustedMetadata(join(folder, 'trusted.json'), root, warn);
  const states: UpdateStateMessage[] = [];
  let heard: ((state: UpdateStateMessage) => void) | undefined;
  const updater = new Updater({
    device: { site: 'plant1', line: 'line1' },
    channel: 'stable',
    pollSeconds: 3600,
    probation: { frames: 20, minutes: 0, latencyFactor: 3, excessRejects: 0.05, failures: 3 },
    transport,
    releases: new Releases(transport, trusted, LIMITS),
    blobs,
    slots,
    record,
    host,
    publish: (state) => {
      states.push(state);
      heard?.(state);
    },
    logger: pino({ level: 'silent' }),
    ...parts,
  });
  heard = listen?.(updater);
  if (desired) updater.desire(desired);
  const running = updater.run();
  const close = async (orderly = true) => {
    await updater.close(orderly);
    await running;
  };
  /** Results of the model in use, as it gives them. */
  const inspect = (count: number, result: Partial<ResultMessage> = {}) => {
    for (let i = 0; i < count; i++) {
      const usual = { verdict: 'pass', pValue: (i % 10) / 10 + 0.05, latencyMs: 30, modelId: host.modelId } as const;
      updater.result({ ...usual, ...result } as ResultMessage, undefined);
    }
    updater.check();
  };
  return { updater, host, states, record, slots, warnings, inspect, close };
}
