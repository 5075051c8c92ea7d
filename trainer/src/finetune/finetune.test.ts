import { copyFile, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Comparison, percent } from '../compare/comparison.js';
import { CARD, type ModelCard } from '../export/card.js';
import { exportBundle } from '../export/export.js';
import { addBundle } from '../release/bundles.js';
import { Scene } from '../release/testing.js';
import { writeFedBack, writeTinyClass } from '../testing/products.js';
import { readTrainConfig } from '../train/config-file.js';
import { readRunDescription, runFiles } from '../train/run.js';
import { train } from '../train/train.js';
import { concludeFineTuning, type FineTuneOptions, startFineTuning } from './finetune.js';

const SEEDS = [300, 301, 302, 303, 304, 305, 306, 307];

describe('a released model that rejects a kind of good product', () => {
  let scene: Scene;
  const path = (...parts: string[]) => join(scene.folder, ...parts);
  const add = (bundle: string, force = false) =>
    addBundle({
      workspace: scene.workspace,
      bundle: path(bundle),
      name: 'bolts',
      scope: {},
      notes: '',
      now: new Date(),
      force,
    });
  const start = (out: string, options: Partial<FineTuneOptions> = {}) =>
    startFineTuning({
      from: 'bolts-1',
      releases: scene.workspace.folder,
      feedback: [path('inbox')],
      out: path(out),
      config: { flags: { epochs: 3 } },
      ...options,
    });
  const cardOf = async (bundle: string): Promise<ModelCard> => JSON.parse(await readFile(path(bundle, CARD), 'utf8'));

  beforeAll(async () => {
    scene = await Scene.open();
    await writeTinyClass(path('products'), 'bolt');
    await writeTinyClass(path('products'), 'plate');
    await writeFedBack(path('inbox'), 'bolt', 'label', SEEDS);
    const tiny = { data: [path('products')], size: 32, width: 8, epochs: 4, batch: 4, heldOut: 0.25, threads: 1 };
    await train(await readTrainConfig(undefined, { ...tiny, loss: 'rd' }), { out: path('first') });
    await exportBundle({ run: path('first'), out: path('bundle'), name: 'bolts' });
    await add('bundle');
    await start('second');
    await train(undefined, { out: path('second'), resume: true });
    await concludeFineTuning(path('second'));
  }, 180_000);
  afterAll(() => scene.close());

  it('passes it once such pictures were fed back, and finds defects as well as before', async () => {
    const comparison = JSON.parse(await readFile(runFiles(path('second')).comparison, 'utf8'));
    expect(comparison.images).toEqual({ good: 6, defective: 8, feedback: 2 });
    const { imageAuroc, missed, falseRejects, falseAlarms } = comparison.mean;
    expect(falseAlarms).toEqual({ before: 1, after: 0 });
    expect(imageAuroc.after).toBeGreaterThanOrEqual(imageAuroc.before);
    expect(missed.after).toBeLessThanOrEqual(missed.before);
    expect(falseRejects.after).toBeLessThanOrEqual(falseRejects.before);
    expect(comparison.classes.plate.falseAlarms).toEqual({ before: null, after: null });
  });

  it('says in run and card where it comes from, with both numbers', async () => {
    const { from, config, classes } = await readRunDescription(path('second'));
    const { modelId } = JSON.parse(await readFile(path('bundle/bundle.json'), 'utf8'));
    const compared = JSON.parse(await readFile(path('second/origin/bundle.json'), 'utf8'));
    expect(compared.modelId).toBe(modelId);
    expect(from).toMatchObject({ modelId, release: 'releases/_/bolts-1.json', export: { name: 'bolts' } });
    expect(config).toMatchObject({ epochs: 3, schedule: 'cosine', learningRates: { student: 0.001 }, loss: 'rd' });
    const fed = classes[0]?.feedback;
    expect([fed?.train.length, fed?.heldOut.length, fed?.test.length]).toEqual([4, 2, 2]);
    const card = await cardOf('second/bundle');
    expect(card.comparison?.before).toEqual({ modelId, release: 'releases/_/bolts-1.json' });
    expect(card.classes[0]).toMatchObject({ fedBack: 4, calibratedOn: 4 });
    const text = await readFile(path('second/bundle/model-card.md'), 'utf8');
    expect(text).toContain('| fed-back pictures rejected | 100.0 % | 0.0 % |');
    expect(text).toContain('(4 fed back)');
  });

  it('is released as the next version, of which the teacher is not sent again', async () => {
    const { path: target, objection, trainable, newBytes, totalBytes, release } = await add('second/bundle');
    expect({ target, objection, trainable }).toEqual({
      target: 'releases/_/bolts-2.json',
      objection: undefined,
      trainable: true,
    });
    const teacher = release.files['teacher.weights'];
    expect(teacher?.sha256).toBe(
      JSON.parse(await readFile(path('bundle/bundle.json'), 'utf8')).files['teacher.weights'].sha256,
    );
    expect(newBytes).toBeLessThanOrEqual(totalBytes - (teacher?.sizeBytes as number));
  });

  it('is not released where somebody took defects for false alarms, unless forced', async () => {
    await writeFedBack(path('mistaken'), 'bolt', 'defect', [...SEEDS, ...SEEDS.map((seed) => seed + 100)]);
    await start('worse', { feedback: [path('mistaken')] });
    // As if no epoch had been better than the start: thresholds alone change.
    await copyFile(runFiles(path('worse')).start, runFiles(path('worse')).best);
    await concludeFineTuning(path('worse'));
    const { mean } = (await cardOf('worse/bundle')).comparison as Comparison;
    expect(mean.missed.before).toBe(0);
    expect(mean.missed.after).toBeGreaterThan(0.2);
    await expect(add('worse/bundle')).rejects.toMatchObject({
      code: 'RELEASE_REFUSED',
      message: expect.stringMatching(
        new RegExp(
          `worse than releases/_/bolts-1.json.*defects missed rises from 0.0 % to ${percent(mean.missed.after)}.*--force`,
        ),
      ),
    });
    expect((await add('worse/bundle', true)).objection).toContain('defects missed rises');
  });

  it('is not released where nobody compared, unless forced', async () => {
    await exportBundle({ run: path('second'), out: path('unknown'), compare: false });
    await expect(add('unknown')).rejects.toMatchObject({
      code: 'RELEASE_REFUSED',
      message: expect.stringMatching(/never compared.*beltsight export --run RUN --out BUNDLE/),
    });
    expect(await readFile(path('unknown/model-card.md'), 'utf8')).toContain('It was not compared');
    expect((await add('unknown', true)).objection).toContain('never compared');
  });

  it('is trained on from where its run was moved to, and from a release even if that is gone', async () => {
    await rename(path('first'), path('moved'));
    await expect(start('third', { from: path('bundle') })).rejects.toMatchObject({
      code: 'RUN_INVALID',
      message: expect.stringMatching(/first any more.*--run/),
    });
    await expect(start('third', { from: path('bundle'), run: path('second') })).rejects.toThrow(/is not the run that/);
    await start('third', { from: path('bundle'), run: path('moved') });
    await start('fourth');
    await rename(path('moved'), path('first'));
    expect((await readRunDescription(path('third'))).from?.weights).toBe(
      (await readRunDescription(path('fourth'))).from?.weights,
    );
  });

  it('learns from new pictures alone when it is trained on once more', async () => {
    const from = path('second');
    await expect(start('no', { from })).rejects.toMatchObject({
      code: 'DATASET_EMPTY',
      message: expect.stringContaining('nothing to learn'),
    });
    await writeFedBack(path('later'), 'plate', 'label', SEEDS.slice(0, 4));
    const { classes } = await start('more', { from, feedback: [path('inbox'), path('later')] });
    const before = await readRunDescription(from);
    expect(classes[0]).toEqual(before.classes[0]);
    expect(classes[1]?.feedback.test).toHaveLength(1);
  });

  describe('cannot be trained on', () => {
    const refused = (options: Partial<FineTuneOptions>) => expect(start('never', options)).rejects;

    it('from what is none', async () => {
      await refused({ from: 'bolts' }).toThrow(/no run folder, no bundle folder, and no release such as bottles-3/);
      await refused({ from: 'bolts-9' }).toMatchObject({ code: 'ARGUMENT_INVALID' });
      await refused({ from: path('products') }).toMatchObject({ code: 'ARGUMENT_INVALID' });
    });

    it('with an empty inbox, a broken picture, or a class that it does not know', async () => {
      await mkdir(path('empty/bolt/train/good'), { recursive: true });
      await refused({ feedback: [path('empty')] }).toMatchObject({ code: 'DATASET_EMPTY' });
      await mkdir(path('broken/bolt/train/good'), { recursive: true });
      await writeFile(path('broken/bolt/train/good/0.png'), 'no picture');
      await refused({ feedback: [path('broken')] }).toMatchObject({
        code: 'IMAGE_UNREADABLE',
        message: expect.stringContaining('broken/bolt/train/good/0.png'),
      });
      await writeFedBack(path('foreign'), 'bolt', 'label', [1], 'nut');
      await refused({ feedback: [path('foreign')] }).toThrow(
        /pictures of nut, which the model does not know \(it knows bolt, plate\).*training anew/,
      );
    });

    it('for another size or on other data', async () => {
      await refused({ config: { flags: { size: 64 } } }).toThrow(/size of bolts-1 cannot be changed.*size 32/);
    });

    it('with another teacher', async () => {
      await cp(path('first'), path('taught'), { recursive: true });
      const { run } = runFiles(path('taught'));
      const description = JSON.parse(await readFile(run, 'utf8'));
      await writeFile(run, JSON.stringify({ ...description, teacher: { ...description.teacher, sha256: 'other' } }));
      await refused({ from: path('taught') }).toMatchObject({
        code: 'BACKBONE_INVALID',
        message: expect.stringContaining('is not the teacher that the model was trained on'),
      });
    });

    it('without the pictures that it was trained on', async () => {
      const file = path('products/bolt/train/good/0.png');
      const picture = await readFile(file);
      await rm(file);
      await refused({}).toMatchObject({ code: 'RUN_INVALID', message: expect.stringMatching(/put them back.*anew/) });
      await writeFile(file, picture);
    });
  });
});
