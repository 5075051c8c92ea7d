import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CameraStatus, ResultMessage, StatusMessage } from '@beltsight/sdk';
import { statusSchema } from '@beltsight/sdk';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { parseExposition, sampleValue } from '../../../test/support/exposition.js';
import { modelInUse } from '../../../test/support/model-in-use.js';
import { waitFor } from '../../../test/support/patience.js';
import { figuresOf } from '../../../test/support/publisher-figures.js';
import { deviceConfigSchema } from '../config/schema.js';
import { LocalMachine } from '../doctor/machine.js';
import type { PublisherFigures } from '../publish/publisher.js';
import { DeviceMetrics } from './device-metrics.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const config = deviceConfigSchema.parse({
  site: 's',
  line: 'l',
  device: 'd',
  bundle: '/bundle',
  broker: { url: 'mqtt://127.0.0.1' },
  cameras: [
    { name: 'belt', source: { type: 'test' } },
    { name: 'top', source: { type: 'test' } },
  ],
});
const manifest = { modelId: 'abc', name: 'tiny', classes: [{ name: 'red' }, { name: 'blue' }] };
const CAMERA: CameraStatus = {
  name: 'belt',
  state: 'running',
  frames: 0,
  dropped: 0,
  failures: 0,
  inspected: 0,
  rateHz: 0,
};
const STATUS: StatusMessage = {
  schema: 'beltsight.status/1',
  state: 'online',
  at: '2026-01-01T00:00:00.000Z',
  device: { site: 's', line: 'l', device: 'd' },
};

/** A machine whose thermal zones are these, in the order of their numbers. */
async function machineWith(zones: readonly (readonly [type: string, milli: number])[]) {
  const root = await mkdtemp(join(tmpdir(), 'beltsight-zones-'));
  closers.push(() => rm(root, { recursive: true }));
  for (const [i, [type, milli]] of zones.entries()) {
    const zone = join(root, `sys/class/thermal/thermal_zone${i}`);
    await mkdir(zone, { recursive: true });
    await writeFile(join(zone, 'type'), `${type}\n`);
    await writeFile(join(zone, 'temp'), `${milli}\n`);
  }
  return new LocalMachine(root);
}

async function started(zones: readonly (readonly [string, number])[] = []) {
  const metrics = new DeviceMetrics(config, pino({ level: 'silent' }), await machineWith(zones));
  closers.push(() => metrics.close());
  const world = {
    cameras: [CAMERA] as CameraStatus[],
    publisher: figuresOf() as PublisherFigures,
  };
  metrics.start({
    model: modelInUse(manifest),
    cameras: () => world.cameras,
    publisher: () => world.publisher,
    alive: () => true,
    changed: () => undefined,
  });
  const scrape = async () => parseExposition(await metrics.render());
  const snapshot = () => metrics.withFigures({ ...STATUS, cameras: world.cameras }).metrics;
  return { metrics, world, scrape, snapshot };
}

const inspected = (change: Partial<ResultMessage> = {}): ResultMessage => ({
  schema: 'beltsight.result/1',
  id: '019aa8f2-6c0e-7c55-a3a2-3b1f0f7f3c11',
  camera: 'belt',
  frame: { sequence: 0, capturedAt: '2026-01-01T00:00:00.000Z' },
  verdict: 'pass',
  score: 0.5,
  threshold: 1,
  pValue: 0.5,
  class: { name: 'red', source: 'recognised', distance: 0 },
  modelId: 'abc',
  latencyMs: 40,
  ...change,
});
const tell = (metrics: DeviceMetrics, change: Partial<ResultMessage> = {}) => {
  metrics.result(inspected(change));
};

describe('DeviceMetrics', () => {
  it('counts results by camera, class and verdict', async () => {
    const { metrics, scrape, snapshot } = await started();
    for (let i = 0; i < 3; i++) tell(metrics);
    tell(metrics, { verdict: 'reject', score: 2, camera: 'top' });
    tell(metrics, { verdict: 'unknown', threshold: null, class: { name: null, source: 'recognised', distance: 1 } });
    const families = await scrape();
    const results = (labels: object) =>
      sampleValue(families, 'beltsight_results_total', labels as Record<string, string>);
    expect(results({ camera: 'belt', class: 'red', verdict: 'pass' })).toBe(3);
    expect(results({ camera: 'top', class: 'red', verdict: 'reject' })).toBe(1);
    expect(results({ camera: 'belt', class: '', verdict: 'unknown' })).toBe(1);
    expect(results({ camera: 'top', class: 'blue', verdict: 'reject' })).toBe(0);
    expect(snapshot()?.results).toEqual({ pass: 3, reject: 1, unknown: 1 });
  });

  it('leaves a score that is no number out of the scores, and counts its result', async () => {
    const { metrics, scrape, snapshot } = await started();
    tell(metrics, { verdict: 'reject', score: Number.MAX_VALUE, threshold: 2 });
    const count = sampleValue(await scrape(), 'beltsight_score_threshold_ratio_count', { class: 'red' });
    expect([count, snapshot()?.scores, snapshot()?.results.reject]).toEqual([0, {}, 1]);
  });

  it('has times by stage, in seconds for Prometheus and in milliseconds in the status', async () => {
    const { metrics, scrape, snapshot } = await started();
    for (const ms of [0.3, 3, 30, 300]) metrics.stage('model', ms);
    tell(metrics, { latencyMs: 70 });
    const families = await scrape();
    const of = (suffix: string, labels: object) =>
      sampleValue(families, `beltsight_stage_duration_seconds_${suffix}`, labels as Record<string, string>);
    expect(of('count', { stage: 'model' })).toBe(4);
    expect(of('sum', { stage: 'model' })).toBeCloseTo(0.3333, 9);
    expect(of('bucket', { stage: 'model', le: '0.05' })).toBe(3);
    expect(of('bucket', { stage: 'capture_to_result', le: '0.05' })).toBe(0);
    expect(of('bucket', { stage: 'capture_to_result', le: '0.1' })).toBe(1);
    expect(of('count', { stage: 'publish' })).toBe(0);
    expect(snapshot()?.stages).toEqual({
      model: { count: 4, p50Ms: expect.closeTo(3, 1), p99Ms: expect.closeTo(300, -1) },
      capture_to_result: { count: 1, p50Ms: expect.closeTo(70, 0), p99Ms: expect.closeTo(70, 0) },
    });
  });

  it('has scores relative to the threshold of their class, and none of unknown products', async () => {
    const { metrics, scrape, snapshot } = await started();
    tell(metrics, { score: 0.2, threshold: 0.4 });
    tell(metrics, { score: 0.44, threshold: 0.4, verdict: 'reject' });
    tell(metrics, { score: 7, threshold: null, verdict: 'unknown' });
    tell(metrics, { score: 7, threshold: 0 });
    const families = await scrape();
    const of = (suffix: string, labels: object) =>
      sampleValue(families, `beltsight_score_threshold_ratio_${suffix}`, { class: 'red', ...labels });
    expect(of('count', {})).toBe(2);
    expect(of('bucket', { le: '0.5' })).toBe(1);
    expect(of('bucket', { le: '1' })).toBe(1);
    expect(of('bucket', { le: '1.25' })).toBe(2);
    expect(snapshot()?.scores).toEqual({ red: { count: 2, p50: expect.closeTo(0.5, 2), p99: expect.closeTo(1.1, 1) } });
  });

  it('tells frames that were overtaken from those that came while inspecting was paused, or that nobody asked for', async () => {
    const { metrics, world, scrape, snapshot } = await started();
    const see = (change: Partial<CameraStatus> & { paused?: boolean }) => {
      world.cameras = [{ ...CAMERA, ...change }];
      metrics.withFigures({ ...STATUS, cameras: world.cameras });
    };
    see({ frames: 10, dropped: 2, paused: false });
    see({ frames: 20, dropped: 2, paused: true });
    see({ frames: 50, dropped: 2, paused: true });
    see({ frames: 60, dropped: 2, paused: false });
    see({ frames: 99, dropped: 3, untriggered: 7, failures: 4, state: 'failed', paused: false });
    const families = await scrape();
    const dropped = (cause: string) =>
      sampleValue(families, 'beltsight_frames_dropped_total', { camera: 'belt', cause });
    expect(['overtaken', 'paused', 'untriggered'].map(dropped)).toEqual([3, 40, 7]);
    expect(sampleValue(families, 'beltsight_frames_total')).toBe(99);
    expect(sampleValue(families, 'beltsight_camera_failures_total')).toBe(4);
    const state = (name: string) => sampleValue(families, 'beltsight_camera_state', { state: name });
    expect(['starting', 'running', 'failed', 'ended'].map(state)).toEqual([0, 0, 1, 0]);
    expect(snapshot()?.dropped).toEqual({ overtaken: 3, paused: 40, untriggered: 7, ...figuresOf().dropped });
  });

  it('shows what the publisher says, with whatever causes and depths it knows', async () => {
    const { world, scrape, snapshot } = await started();
    const figures = figuresOf({
      connected: false,
      reconnects: 7,
      waiting: 12,
      dropped: { picture: 5, result: 1, tooLarge: 2 },
    });
    world.publisher = figures;
    const families = await scrape();
    expect(sampleValue(families, 'beltsight_broker_connected')).toBe(0);
    expect(sampleValue(families, 'beltsight_broker_reconnects_total')).toBe(7);
    expect(sampleValue(families, 'beltsight_messages_waiting')).toBe(12);
    expect(sampleValue(families, 'beltsight_messages_dropped_total', { cause: 'tooLarge' })).toBe(2);
    expect(snapshot()).toMatchObject({ waiting: 12, reconnects: 7, dropped: { picture: 5, result: 1, tooLarge: 2 } });
    const further = {
      ...figures,
      waitingBytes: 4096,
      oldestAt: 1_700_000_000_000,
      dropped: { ...figures.dropped, refused: 9 },
    };
    world.publisher = further;
    const later = await scrape();
    expect(sampleValue(later, 'beltsight_messages_waiting_bytes')).toBe(4096);
    expect(sampleValue(later, 'beltsight_messages_oldest_timestamp_seconds')).toBe(1_700_000_000);
    expect(sampleValue(later, 'beltsight_messages_dropped_total', { cause: 'refused' })).toBe(9);
  });

  it('says what runs where, and how warm and how busy the device is', async () => {
    const { scrape, snapshot } = await started([
      ['cpu-thermal', 51_250],
      ['gpu-thermal', 48_000],
      ['cpu-thermal', 53_000],
      ['off', -274_000],
    ]);
    const families = await waitFor(async () => {
      const read = await scrape();
      expect(read.get('beltsight_temperature_celsius')?.samples).toHaveLength(3);
      return read;
    });
    expect(sampleValue(families, 'beltsight_provider_info', { provider: 'cpu' })).toBe(1);
    expect(sampleValue(families, 'beltsight_model_info', { id: 'abc', name: 'tiny' })).toBe(1);
    expect(sampleValue(families, 'beltsight_device_info', { site: 's', line: 'l', device: 'd' })).toBe(1);
    expect(sampleValue(families, 'beltsight_build_info', { onnxruntime: '1.30.0', node: process.version })).toBe(1);
    expect(sampleValue(families, 'beltsight_temperature_celsius', { zone: 'cpu-thermal' })).toBe(51.25);
    expect(sampleValue(families, 'beltsight_temperature_celsius', { zone: 'cpu-thermal 2' })).toBe(53);
    expect(sampleValue(families, 'process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(sampleValue(families, 'process_resident_memory_bytes')).toBeGreaterThan(1e7);
    const started_ = sampleValue(families, 'process_start_time_seconds') as number;
    expect(Math.abs(started_ - (Date.now() / 1000 - process.uptime()))).toBeLessThan(60);
    expect(sampleValue(families, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
    expect(snapshot()).toMatchObject({
      temperatures: { 'cpu-thermal': 51.3, 'gpu-thermal': 48, 'cpu-thermal 2': 53 },
      memoryBytes: expect.any(Number),
    });
  });

  it('grows no series whatever passes by', async () => {
    const { metrics, scrape } = await started();
    const count = async () => [...(await scrape()).values()].reduce((sum, { samples }) => sum + samples.length, 0);
    const before = await count();
    for (let i = 0; i < 1000; i++) {
      for (const [camera, name] of [
        ['belt', 'red'],
        ['top', 'blue'],
      ] as const) {
        const verdict = (['pass', 'reject', 'unknown'] as const)[i % 3] as ResultMessage['verdict'];
        const known = verdict !== 'unknown';
        tell(metrics, {
          id: `id-${i}`,
          camera,
          verdict,
          score: i,
          threshold: known ? 1 : null,
          class: { name: known ? name : null, source: 'recognised', distance: i },
        });
      }
      metrics.stage('preprocess', i);
    }
    expect(await count()).toBe(before);
  });

  it('makes a status that the schema takes, and leaves it as it is before the service runs', async () => {
    const early = new DeviceMetrics(config, pino({ level: 'silent' }), await machineWith([]));
    closers.push(() => early.close());
    expect(early.withFigures(STATUS)).toEqual(STATUS);
    const { metrics, world } = await started([['cpu-thermal', 51_250]]);
    tell(metrics, { score: Number.NaN });
    tell(metrics, { latencyMs: 0 });
    metrics.stage('decide', 0);
    const status = metrics.withFigures({ ...STATUS, cameras: world.cameras });
    expect(statusSchema.parse(JSON.parse(JSON.stringify(status)))).toEqual(status);
    expect(status.state).toBe('online');
  });
});

describe('docs/metrics.md', async () => {
  const text = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

  it('names every metric, and none that is not there', async () => {
    const { scrape } = await started();
    const rows = text.split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] as string).matchAll(/`([a-z][a-z0-9_]+)`/g)].map(([, name]) => name as string),
    );
    expect(named.sort()).toEqual([...(await scrape()).keys()].sort());
  });

  it('has an example of the status that the schema takes', () => {
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(text) ?? [];
    const { metrics } = statusSchema.parse({ ...STATUS, metrics: JSON.parse(example) });
    expect(metrics).toEqual(JSON.parse(example));
  });
});
