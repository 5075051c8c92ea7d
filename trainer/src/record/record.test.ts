import { execFileSync } from 'node:child_process';
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { readTrainConfig } from '../train/config-file.js';
import { readRunDescription } from '../train/run.js';
import { train } from '../train/train.js';
import { curvesSvg } from './curves.js';
import { gitRevision } from './environment.js';
import { dataFingerprint } from './fingerprint.js';
import { readHistory } from './history.js';
import { readRecordedRun, sideBySide } from './side-by-side.js';

describe('the record of a run', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const path = (...parts: string[]) => join(folder.path, ...parts);
  const trainTiny = async (out: string, more: object = {}) => {
    const tiny = { size: 32, width: 8, epochs: 2, batch: 4, heldOut: 0.25, threads: 1, loss: 'rd' };
    await train(await readTrainConfig(undefined, { data: [path('products')], ...tiny, ...more }), { out: path(out) });
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeTinyClass(path('products'), 'bolt');
    await writeTinyClass(path('products'), 'plate');
    await trainTiny('first');
    await trainTiny('second', { seed: 4, epochs: 1 });
  }, 60_000);
  afterAll(() => folder.dispose());

  it('knows images by their content, wherever they lie', async () => {
    const { fingerprint, classes } = await readRunDescription(path('first'));
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    await cp(path('products'), path('moved'), { recursive: true });
    const moved = classes.map(({ name, train: files, heldOut }) => ({
      name,
      train: files.map((file) => file.replace(path('products'), path('moved'))),
      heldOut: heldOut.map((file) => file.replace(path('products'), path('moved'))),
    }));
    expect(await dataFingerprint(moved)).toBe(fingerprint);
    await appendFile(moved[1]?.train[0] as string, 'x');
    expect(await dataFingerprint(moved)).not.toBe(fingerprint);
  });

  it('knows the revision of a repository, and whether it was changed since', async () => {
    expect(await gitRevision(path('products'))).toBeNull();
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', path('repository'), '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    await cp(path('products', 'bolt', 'train'), path('repository'), { recursive: true });
    git('init');
    await writeFile(path('repository', 'note'), 'one');
    git('add', 'note');
    git('commit', '-m', 'one');
    const head = git('rev-parse', 'HEAD');
    expect(await gitRevision(path('repository'))).toBe(head);
    await writeFile(path('repository', 'note'), 'two');
    expect(await gitRevision(path('repository'))).toBe(`${head}+`);
  });

  it('draws the curves of a run, and of two on the same axes', async () => {
    const [first, second] = [
      await readHistory(path('first', 'metrics.jsonl')),
      await readHistory(path('second', 'metrics.jsonl')),
    ];
    expect(first.epochs).toHaveLength(2);
    expect(first.epochs[1]?.lastStep).toBe(first.steps.length);
    const alone = await readFile(path('first', 'curves.svg'), 'utf8');
    expect(alone.match(/<path/g)).toHaveLength(3);
    expect(alone).not.toContain('contrastive');
    const both = curvesSvg([
      { name: 'a<b', history: first },
      { name: 'second', history: second },
    ]);
    expect(both.match(/<path/g)).toHaveLength(6);
    expect(both).toContain('a&#60;b');
  });

  it('says which line of the metrics is damaged, and overlooks a last one that was cut off', async () => {
    const file = path('metrics.jsonl');
    const text = await readFile(path('first', 'metrics.jsonl'), 'utf8');
    await writeFile(file, `${text}{"type":"st`);
    expect((await readHistory(file)).epochs).toHaveLength(2);
    await writeFile(file, `${text}{"type":"step"}\n`);
    await expect(readHistory(file)).rejects.toThrow(`metrics.jsonl:${text.split('\n').length}`);
  });

  it('shows two runs side by side: what differs, and what came of it', async () => {
    const metrics = {
      imageAuroc: 0.75,
      imageAp: null,
      imageF1: null,
      pixelAuroc: null,
      pixelAp: null,
      pixelF1: null,
      aupro: null,
    };
    await writeFile(path('second', 'evaluation.json'), JSON.stringify({ mean: metrics, classes: { bolt: metrics } }));
    const runs = [await readRecordedRun(path('first')), await readRecordedRun(path('second'))] as const;
    const { differences, figures, cautions } = sideBySide(...runs);
    expect(differences).toEqual([
      ['epochs', '2', '1'],
      ['seed', '0', '4'],
    ]);
    expect(figures).toContainEqual(['epochs', '2', '1']);
    expect(figures).toContainEqual(['mean I-AUROC', '-', '75.0 %']);
    expect(figures).toContainEqual(['I-AUROC of bolt', '-', '75.0 %']);
    expect(cautions).toEqual([]);
    expect(sideBySide(runs[0], runs[0])).toMatchObject({ differences: [], cautions: [] });
  });
});
