import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type AlarmMessage, alarmSchema, type Verdict } from '@beltsight/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { outputsSchema } from '../schema.js';
import { CameraAlarm } from './camera-alarm.js';

let folder: string;
let file: string;
let runs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-alarm-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  file = join(folder, `${runs++}`, 'belt.json');
});

const CONFIG = {
  rejects: { chart: 'ewma', target: 0.05, lambda: 0.1, width: 3 },
  unknown: { chart: 'cusum', target: 0.01, limit: 4 },
};
async function open(config: object = CONFIG) {
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const { alarm: parsed } = outputsSchema.parse({ alarm: config });
  const alarm = await CameraAlarm.open({ camera: 'belt', config: parsed, file, logger });
  const said: AlarmMessage[] = [];
  alarm.start((message) => said.push(alarmSchema.parse(message)));
  const add = (verdict: Verdict, count: number) => {
    for (let i = 0; i < count; i++) alarm.add({ verdict, class: 'cap' }, 0.05);
  };
  return { alarm, said, add, logger };
}

describe('CameraAlarm', () => {
  it('is raised, acknowledged and cleared, each told once', async () => {
    const { alarm, said, add } = await open();
    add('pass', 30);
    add('reject', 10);
    expect(said).toMatchObject([{ state: 'raised', kind: 'reject-rate', camera: 'belt' }]);
    const [raised] = said as [AlarmMessage];
    expect(raised.value).toBeGreaterThan(raised.limit);
    expect(raised.message).toMatch(/The reject rate of camera "belt" is \d.*above its limit of \d.*Look at/);
    expect(alarm.acknowledge('00000000-0000-4000-8000-000000000000', 'Ada')).toBe(false);
    expect(alarm.acknowledge(raised.id, 'Ada')).toBe(true);
    expect(alarm.acknowledge(raised.id, 'Ben')).toBe(true);
    add('pass', 100);
    expect(said.map(({ state, acknowledgedBy }) => [state, acknowledgedBy])).toEqual([
      ['raised', undefined],
      ['acknowledged', 'Ada'],
      ['cleared', 'Ada'],
    ]);
    expect(new Set(said.map(({ id, since }) => id + since)).size).toBe(1);
    expect(alarm.acknowledge(raised.id, 'Cleo')).toBe(false);
    add('reject', 10);
    expect(said.at(-1)).toMatchObject({ state: 'raised' });
    expect(said.at(-1)?.id).not.toBe(raised.id);
    expect(said.at(-1)?.acknowledgedBy).toBeUndefined();
    await alarm.close();
  });

  it('does not flicker at its limit', async () => {
    const { alarm, said, add } = await open();
    add('pass', 30);
    // One in four is about the limit of this chart.
    for (let i = 0; i < 200; i++) add(i % 4 === 0 ? 'reject' : 'pass', 1);
    expect(said.filter(({ state }) => state === 'raised').length).toBeLessThanOrEqual(1);
    await alarm.close();
  });

  it('charts unknown products by themselves, and one alarm stands at a time', async () => {
    const { alarm, said, add } = await open();
    add('pass', 30);
    add('unknown', 10);
    expect(said).toMatchObject([{ state: 'raised', kind: 'unknown-rate' }]);
    add('reject', 10);
    expect(said).toHaveLength(1);
    // The unknown ones come back within their limits while rejects go on: then theirs is raised.
    for (let i = 0; i < 600; i++) add(i % 2 === 0 ? 'reject' : 'pass', 1);
    expect(said.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'unknown-rate raised',
      'unknown-rate cleared',
      'reject-rate raised',
    ]);
    await alarm.close();
  });

  it('is silent without a chart', async () => {
    const { alarm, said, add } = await open({});
    add('reject', 1000);
    expect(said).toEqual([]);
    await alarm.close();
  });

  it('outlives a restart with its charts, and is told again', async () => {
    const first = await open();
    first.add('pass', 30);
    first.add('reject', 10);
    await first.alarm.close();
    const second = await open();
    expect(second.said).toEqual(first.said);
    expect(second.alarm.acknowledge(first.said[0]?.id as string, undefined)).toBe(true);
    await second.alarm.close();
    const third = await open();
    expect(third.said).toMatchObject([{ state: 'acknowledged' }]);
    third.add('pass', 100);
    expect(third.said.at(-1)).toMatchObject({ state: 'cleared', id: first.said[0]?.id });
    await third.alarm.close();
  });

  it('is on the disk as soon as it is raised', async () => {
    const { alarm, said, add } = await open();
    add('pass', 30);
    add('reject', 10);
    await vi.waitFor(async () => expect(JSON.parse(await readFile(file, 'utf8')).alarm).toEqual(said[0]), 10_000);
    await alarm.close();
  });

  it('begins anew from a damaged file, and says so', async () => {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '{"schema":"beltsight.alarm-state/1","charts":{"reject-rate":{"chart":"ewma","co');
    const { alarm, add, said, logger } = await open();
    expect(logger.error.mock.calls[0]?.[1]).toMatch(/damaged.*begin anew/);
    add('pass', 30);
    add('reject', 10);
    expect(said).toHaveLength(1);
    await alarm.close();
  });

  it('goes on when its state cannot be written, and says so once', async () => {
    await mkdir(dirname(dirname(file)), { recursive: true });
    await writeFile(dirname(file), 'a file where its folder should be');
    const { alarm, add, said, logger } = await open();
    add('pass', 30);
    add('reject', 300);
    add('pass', 300);
    expect(said.map(({ state }) => state)).toEqual(['raised', 'cleared']);
    await alarm.close();
    expect(logger.error.mock.calls.filter(([, text]) => /cannot be written/.test(text))).toHaveLength(1);
  });

  it('is over when its chart is no longer configured, and the other one is free to raise its own', async () => {
    const first = await open();
    first.add('pass', 30);
    first.add('unknown', 10);
    await first.alarm.close();
    const second = await open({ rejects: CONFIG.rejects });
    expect(second.said).toMatchObject([
      {
        ...first.said[0],
        state: 'cleared',
        at: expect.any(String),
        message: expect.stringMatching(/unknown products .* no longer watched/),
      },
    ]);
    second.add('pass', 30);
    second.add('reject', 20);
    expect(second.said.at(-1)).toMatchObject({ state: 'raised', kind: 'reject-rate' });
    await second.alarm.close();
  });
});
