import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { lossOf } from './config.js';
import { readTrainConfig } from './config-file.js';
import type { Reporter } from './loop.js';
import { readRunDescription } from './run.js';
import { train } from './train.js';

const TINY = { size: 32, width: 8, epochs: 1, batch: 4, heldOut: 0.25, threads: 1, loss: 'rd' };

describe('what the paper compares', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let data: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    data = join(folder.path, 'products');
    await writeTinyClass(data, 'bolt');
    await writeTinyClass(data, 'plate');
  });
  afterAll(() => folder.dispose());

  const run = (name: string) => join(folder.path, name);
  const config = (more: object) => readTrainConfig(undefined, { data: [data], ...TINY, ...more });
  const classesOf = async (name: string) => (await readRunDescription(run(name))).classes;

  it('contrasts what is asked for, where a batch has classes to tell apart', async () => {
    const ccl = await config({ loss: 'ccl', local: null });
    expect(lossOf(ccl, 2)).toMatchObject({ local: null, global: { variant: 'paper' } });
    expect(lossOf({ ...ccl, strategy: 'continual' }, 2).global).not.toBeNull();
    expect(lossOf(await config({ loss: 'ccl', global: null }), 2)).toMatchObject({ local: { k: 1 }, global: null });
    for (const none of [lossOf(ccl, 1), lossOf({ ...ccl, strategy: 'sequential' }, 2)]) expect(none.global).toBeNull();
  });

  it('refuses a scale named twice, and a denominator that is empty for a batch of one class', async () => {
    await expect(config({ local: { scales: [3, 3] } })).rejects.toThrow(/local.scales: must name each scale once/);
    const empty = { strategy: 'continual', global: { denominator: 'neg_only' } };
    for (const batches of [empty, { ...empty, strategy: 'joint', sampler: 'shuffle' }]) {
      await expect(config({ ...batches, loss: 'ccl' })).rejects.toThrow(
        /global.denominator: neg_only needs a second class/,
      );
    }
    await expect(config(empty)).resolves.toMatchObject(empty);
  });

  it('names a class that is not there, and the nearest that is', async () => {
    const started = train(await config({ classes: ['blot', 'wheel'] }), { out: run('never') });
    await expect(started).rejects.toThrow('has no class blot (did you mean bolt?), wheel; it has bolt, plate.');
  });

  it('trains a class after the other and keeps the last weights', async () => {
    const lines: string[] = [];
    const epochs: [number, number][] = [];
    const reporter = (_: unknown, total: number): Reporter => ({
      epochStarted: (epoch) => void epochs.push([epoch + 1, total]),
    });
    const sequential = await config({ strategy: 'sequential', loss: 'ccl' });
    const result = await train(sequential, { out: run('sequential'), reporter, log: (line) => lines.push(line) });
    expect(result).toMatchObject({ end: 'finished', epochs: 2, bestEpoch: 1 });
    expect(epochs.map(([epoch, total]) => `${epoch}/${total}`)).toEqual(['1/2', '2/2']);
    expect(lines.join('\n')).toContain('sequential batches hold one class');
  });

  it('holds the same images of a class out, alone and with others', async () => {
    const [, together] = await classesOf('sequential');
    await train(await config({ classes: ['plate'] }), { out: run('alone'), signal: AbortSignal.abort() });
    expect(await classesOf('alone')).toEqual([together]);
  });

  it('replays pseudo-classes of the teacher, which find the products, with the same bits after a stop', async () => {
    const lines: string[] = [];
    const continual = await config({ strategy: 'continual', replay: { images: 2 }, pseudoClasses: 2 });
    await train(continual, { out: run('whole'), log: (line) => lines.push(line) });
    const [bolt = -1, plate = -1] = (await classesOf('whole')).map(({ pseudo }) => pseudo?.[0]);
    expect([bolt, plate].sort()).toEqual([0, 1]);
    for (const [i, { train: images, pseudo }] of (await classesOf('whole')).entries())
      expect(pseudo).toEqual(images.map(() => [bolt, plate][i]));
    expect(lines.join('\n')).toContain('100.0 % of the images are of the class that their cluster mostly holds');
    const stopper = new AbortController();
    const stop = (): Reporter => ({
      epochStarted: (epoch) => epoch === 1 && stopper.abort(),
    });
    const { end } = await train(continual, { out: run('stopped'), signal: stopper.signal, reporter: stop });
    expect(end).toBe('interrupted');
    await train(undefined, { out: run('stopped'), resume: true });
    for (const file of ['best.safetensors', 'checkpoint.safetensors', 'metrics.jsonl']) {
      const [whole, stopped] = await Promise.all(['whole', 'stopped'].map((name) => readFile(join(run(name), file))));
      expect(stopped?.equals(whole as Buffer)).toBe(true);
    }
  });
});
