import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecordedRun } from '../record/side-by-side.js';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { type PlannedRun, planSweep, runsInOrder } from './plan.js';
import { type RunResult, readResult, writeResult } from './result.js';
import { sweepSchema } from './schema.js';
import { summarise } from './summary.js';
import { runSweep } from './sweep.js';
import { meanTable, sweepCsv, sweepMarkdown } from './table.js';

describe('a sweep', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let data: string;
  const path = (...parts: string[]) => join(folder.path, ...parts);

  beforeAll(async () => {
    folder = await temporaryFolder();
    data = path('products');
    await writeTinyClass(data, 'bolt');
    await writeTinyClass(data, 'plate');
  });
  afterAll(() => folder.dispose());

  const tiny = () => ({ data: [data], size: 32, width: 8, epochs: 1, batch: 4, heldOut: 0.25, threads: 1 });
  const plan = (more: object) => planSweep(sweepSchema.parse({ base: tiny(), ...more }), 'sweep.yaml');

  it('makes every combination with every seed, the first seed of all before the second of any', async () => {
    const axes = {
      loss: { joint: { loss: 'rd' }, ccl: null },
      rate: { slow: { learningRates: { student: 0.001 } }, usual: {} },
    };
    const made = await plan({ axes, seeds: [3, 5] });
    expect(made.cells.map(({ values }) => values.join(' '))).toEqual([
      'joint slow',
      'joint usual',
      'ccl slow',
      'ccl usual',
    ]);
    const runs = runsInOrder(made);
    expect(runs.map(({ config }) => config.seed)).toEqual([3, 3, 3, 3, 5, 5, 5, 5]);
    expect(runs[0]?.config).toMatchObject({
      loss: 'rd',
      learningRates: { student: 0.001, projector: 0.001 },
      width: 8,
    });
    expect(new Set(runs.map(({ key }) => key)).size).toBe(8);
  });

  it('trains a class on its own in one-for-one, whichever classes stand beside it', async () => {
    const more = path('more');
    await writeTinyClass(more, 'bolt', 8, 'screw');
    const axes = { data: { one: {}, both: { data: [data, more] } } };
    const made = await plan({ axes, base: { ...tiny(), loss: 'rd', strategy: 'one-for-one' }, seeds: [0] });
    expect(made.cells.map(({ seeds }) => seeds.get(0)?.map(({ config }) => config.classes))).toEqual([
      [['bolt'], ['plate']],
      [['bolt'], ['plate'], ['screw']],
    ]);
    expect(runsInOrder(made)).toHaveLength(3);
  });

  it('knows a run by what decides it, not by how many threads make it', async () => {
    const keys = async (change: object) =>
      runsInOrder(await plan({ base: { ...tiny(), ...change }, seeds: [0] }))[0]?.key;
    const key = await keys({});
    expect(await keys({ threads: 2, checkpointMinutes: 1 })).toBe(key);
    // Said or not said, a default is the same.
    expect(await keys({ loss: 'ccl', local: { k: 1 } })).toBe(key);
    expect(await keys({ local: { k: 3 } })).not.toBe(key);
  });

  it('leaves a loss out that an axis leaves out, whatever another one says of it, and has it where only the base had not', async () => {
    const axes = {
      method: { 'local only': { global: null }, ccl: { global: {} } },
      temperature: { '0.1': {}, '0.07': { global: { tau: 0.07 } } },
    };
    const taus = async (base: object) =>
      runsInOrder(await plan({ axes, base: { ...tiny(), ...base }, seeds: [0] })).map(
        ({ config }) => config.global?.tau,
      );
    // Without the loss its temperature makes no other run.
    expect(await taus({})).toEqual([undefined, 0.1, 0.07]);
    expect(await taus({ global: null })).toEqual([undefined, 0.1, 0.07]);
  });

  it('takes seeds from their list alone', () => {
    expect(() => sweepSchema.parse({ base: { seed: 1 } })).toThrow('stands in the list \\"seeds\\"');
    expect(() => sweepSchema.parse({ axes: { a: { one: { seed: 1 } } } })).toThrow('seeds');
  });

  it('says which combination is wrong', async () => {
    const axes = { loss: { joint: { loss: 'rd' }, wrong: { losss: 'rd' } } };
    await expect(plan({ axes })).rejects.toThrow(/sweep\.yaml at wrong .*[\s\S]*did you mean "loss"/);
  });

  it('trains, measures and tabulates; goes on after a stop, and makes nothing twice', async () => {
    const file = path('sweep.json');
    const axes = { method: { joint: { loss: 'rd' }, alone: { loss: 'rd', strategy: 'one-for-one' } } };
    await writeFile(file, JSON.stringify({ base: tiny(), axes, seeds: [0] }));
    const stopper = new AbortController();
    const started: string[] = [];
    const options = (signal: AbortSignal, stopAt = Number.POSITIVE_INFINITY) => ({
      out: path('sweep'),
      signal,
      log: () => undefined,
      runStarted: ({ key }: { key: string }, number: number) => {
        started.push(key);
        if (number >= stopAt) stopper.abort();
      },
    });
    const stopped = await runSweep(file, options(stopper.signal, 2));
    expect(stopped).toMatchObject({ done: 1, total: 3 });
    const end = await runSweep(file, options(new AbortController().signal));
    expect(end).toMatchObject({ done: 3, total: 3, failed: new Map() });
    expect(started).toHaveLength(4);
    expect(new Set(started).size).toBe(3);
    const [joint, alone] = end.rows;
    expect([...(alone?.classes.keys() ?? [])]).toEqual(['bolt', 'plate']);
    expect(joint?.mean.imageAuroc).toMatchObject({ seeds: 1, deviation: null });
    expect(joint).toMatchObject({ done: 1, wanted: 1, steps: 3 });
    // Both classes trained 6 images each, alone as together.
    expect(alone?.steps).toBe(4);
    const table = await readFile(path('sweep', 'table.md'), 'utf8');
    expect(table).toContain('| alone | ');
    const key = started[0] as string;
    const result = (await readResult(path('sweep', 'results'), key)) as RunResult;
    expect(result).toMatchObject({ key, training: { images: 12, epochs: 1 }, config: { loss: 'rd' } });
    expect(Object.keys(result.versions)).toContain('onnxruntime-node');
    expect(result.testFingerprint).toMatch(/^[0-9a-f]{64}$/);
    const { imageAuroc } = result.classes.bolt ?? {};
    const { evaluation } = await readRecordedRun(path('sweep', 'runs', key));
    expect(evaluation?.classes.bolt?.imageAuroc).toBeCloseTo(imageAuroc as number, 5);
    await expect(readFile(path('sweep', 'runs', key, 'best.safetensors'))).resolves.toBeDefined();
    await expect(readFile(path('sweep', 'runs', key, 'curves.svg'), 'utf8')).resolves.toContain('<path');
  }, 60_000);

  it('goes on with the other runs where one fails', async () => {
    const broken = path('broken');
    await writeTinyClass(broken, 'bolt');
    await writeFile(join(broken, 'bolt', 'train', 'good', 'x.png'), 'no picture');
    const file = path('failing.json');
    const axes = { data: { broken: { data: [broken] }, whole: {} } };
    await writeFile(file, JSON.stringify({ base: { ...tiny(), loss: 'rd' }, axes, seeds: [0] }));
    const lines: string[] = [];
    const options = { signal: new AbortController().signal, log: (line: string) => lines.push(line) };
    const end = await runSweep(file, { ...options, out: path('failing') });
    expect(end.done).toBe(1);
    expect([...end.failed.values()].map(String).join()).toContain('x.png');
    expect(lines.join('\n')).toContain('the others go on');
    expect(end.rows.map(({ done }) => done)).toEqual([0, 1]);
    const table = await readFile(path('failing', 'table.md'), 'utf8');
    expect(table).toContain('left out: 1 of 2');
    expect(meanTable(['data'], end.rows).rows).toHaveLength(1);
    await rm(path('failing'), { recursive: true });
  }, 60_000);

  it('takes means over classes for each seed, and their spread over seeds', async () => {
    const made = await plan({ base: { ...tiny(), loss: 'rd' }, seeds: [0, 1, 2] });
    const runs = runsInOrder(made);
    const results = new Map(runs.slice(0, 2).map((run, i) => [run.key, resultOf(run, i)] as const));
    const rows = summarise(made, results);
    expect(rows[0]).toMatchObject({ done: 2, wanted: 3, seconds: 60 });
    expect(rows[0]?.mean.imageAuroc?.mean).toBeCloseTo(0.75);
    // Two values 0.1 apart: 0.1 / sqrt(2).
    expect(rows[0]?.mean.imageAuroc?.deviation).toBeCloseTo(0.0707, 4);
    expect(rows[0]?.mean.pixelAuroc).toBeNull();
    expect(sweepMarkdown([], rows)).toContain('75.0 ± 7.1');
    expect(sweepCsv([], rows)).toMatch(/^mean,imageAuroc,0\.75\d*,0\.07\d*,2$/m);
    const stored = path('stored');
    const [result] = results.values();
    await writeResult(stored, result as RunResult);
    expect(await readResult(stored, result?.key as string)).toEqual(result);
    await writeFile(join(stored, 'other.json'), '{');
    await expect(readResult(stored, 'other')).rejects.toThrow(/other\.json is damaged/);
  });

  it('says which results are of other pictures, or another teacher, than the rest', async () => {
    const file = path('changed.json');
    const sweep = { base: { ...tiny(), loss: 'rd' }, seeds: [0, 1] };
    await writeFile(file, JSON.stringify(sweep));
    const lines: string[] = [];
    const options = { signal: new AbortController().signal, log: (line: string) => lines.push(line), tableOnly: true };
    const tabulated = async (...changes: Partial<RunResult>[]) => {
      lines.length = 0;
      for (const [i, run] of runsInOrder(await plan(sweep)).entries())
        await writeResult(path('changed', 'results'), { ...resultOf(run, i), ...changes[i] });
      return runSweep(file, { ...options, out: path('changed') });
    };
    const teacher = (sha256: string) => ({ name: 'mobilenet_v2', sha256 });
    const same = { fingerprint: 'same', testFingerprint: 'same', teacher: teacher('same') };
    await tabulated(same, { ...same, testFingerprint: undefined });
    expect(lines).toEqual([]);
    const [older, newer] = runsInOrder((await tabulated(same, { ...same, fingerprint: 'other' })).plan);
    expect(lines).toEqual([
      `Warning: the training images of ${data} changed between runs, whose figures cannot be compared. Where those of run ${newer?.key} count, remove results/KEY.json and runs/KEY of ${older?.key} in ${path('changed')}, and run the sweep again.`,
    ]);
    await tabulated(same, { ...same, testFingerprint: 'other', teacher: teacher('other') });
    expect(lines).toEqual([
      expect.stringContaining(`the test images of ${data} changed`),
      expect.stringContaining('the teacher mobilenet_v2 changed'),
    ]);
  });
});

/** A made-up result, better with each `i`. */
function resultOf({ key, config }: PlannedRun, i: number): RunResult {
  const figures = { imageAp: 0.5, imageF1: 0.5, pixelAuroc: null, pixelAp: null, pixelF1: null, aupro: null };
  const rest = { images: 7, defects: 4, masks: 3, falseRejectRate: 0, missed: 0.5, recognised: 1 };
  return {
    schema: 'beltsight.result/1',
    key,
    config,
    finishedAt: new Date(0).toISOString(),
    versions: {},
    revision: null,
    fingerprint: null,
    teacher: { name: 'mobilenet_v2', sha256: '' },
    training: { images: 12, steps: 3, epochs: 1, bestEpoch: 0, heldOutLoss: 1, seconds: 60 },
    classes: {
      bolt: { imageAuroc: 0.8 + i * 0.1, ...figures, ...rest },
      plate: { imageAuroc: 0.6 + i * 0.1, ...figures, ...rest },
    },
  };
}
