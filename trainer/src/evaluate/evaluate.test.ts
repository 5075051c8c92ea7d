import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Bundle, openBundle } from '@beltsight/sdk/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageLoader } from '../data/loader.js';
import { exportBundle } from '../export/export.js';
import { TOLERANCE } from '../export/precision/tolerance.js';
import { ModelRunner } from '../export/scoring.js';
import { tf } from '../graph/tfjs.js';
import { infer } from '../model/inference.js';
import { defineModel } from '../model/network.js';
import { loadTeacher } from '../model/teacher/load.js';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { readTrainConfig } from '../train/config-file.js';
import { readRun } from '../train/run.js';
import { train } from '../train/train.js';
import { type EvaluateOptions, evaluateBundle } from './evaluate.js';
import { htmlReport } from './report/report.js';
import { METRICS } from './results.js';
import { evaluationTable } from './table.js';

describe('a trained, exported and measured model', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let bundle: Bundle;
  const path = (...parts: string[]) => join(folder.path, ...parts);
  const open = (name: string) => openBundle((file) => readFile(path(name, file)));
  const evaluate = (options: Partial<EvaluateOptions> = {}) =>
    evaluateBundle({ bundle: path('bundle'), data: [path('products')], ...options });

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeTinyClass(path('products'), 'bolt');
    await writeTinyClass(path('products'), 'plate');
    const tiny = { data: [path('products')], size: 32, width: 8, epochs: 2, batch: 4, heldOut: 0.25, threads: 1 };
    await train(await readTrainConfig(undefined, { ...tiny, loss: 'rd+projector' }), { out: path('run') });
    await exportBundle({ run: path('run'), out: path('bundle') });
    bundle = await open('bundle');
  }, 60_000);
  afterAll(() => folder.dispose());

  it('scores in the bundle as the trainer does forward', async () => {
    const { run, weights } = await readRun(path('run'));
    const teacher = await loadTeacher(run.teacher.source);
    const model = defineModel(run.model);
    const shapes = new Map([...model.parameters, ...model.statistics].map(({ name, shape }) => [name, shape] as const));
    await tf.setBackend('cpu');
    const tensors = {
      get(name: string) {
        const frozen = teacher.weights.get(name);
        if (frozen) return tf.tensor(frozen.data, [...frozen.shape]);
        return tf.tensor(weights.get(name) as Float32Array, [...(shapes.get(name) as number[])]);
      },
    };
    const loader = new ImageLoader(32);
    const runner = await ModelRunner.open(await bundle.model());
    for (const file of [run.classes[0]?.heldOut[0] as string, path('products', 'plate', 'test', 'spot', '0.png')]) {
      const pixels = await loader.load(file);
      const { score } = infer(model, tensors, tf.div(tf.tensor4d(pixels, [1, 32, 32, 3]), 255));
      expect(Math.abs((await runner.score(pixels)).score - (score.dataSync()[0] as number))).toBeLessThan(1e-4);
    }
    await runner.close();
    await loader.close();
  });

  it('is measured per class and in the mean, counting defects without a mask for image metrics alone', async () => {
    const ticks: string[] = [];
    const { evaluation } = await evaluate({ progress: (done, total) => ticks.push(`${done}/${total}`) });
    expect(ticks.at(-1)).toBe('14/14');
    expect(Object.keys(evaluation.classes)).toEqual(['bolt', 'plate']);
    for (const result of [...Object.values(evaluation.classes), evaluation.mean]) {
      for (const metric of METRICS) {
        expect(result[metric]).toBeGreaterThanOrEqual(0);
        expect(result[metric]).toBeLessThanOrEqual(1);
      }
    }
    expect(evaluation.classes.bolt).toMatchObject({ images: 7, defects: 4, masks: 3 });
    expect(evaluationTable(evaluation)).toMatch(/bolt .* 3\/4\/3 /);
  });

  it('has null for what cannot be measured, in JSON too', async () => {
    await writeTinyClass(path('unmasked'), 'bolt', 1);
    await rm(path('unmasked', 'bolt', 'ground_truth'), { recursive: true });
    const { evaluation } = await evaluate({ data: [path('unmasked')] });
    const { classes, mean } = JSON.parse(JSON.stringify(evaluation));
    expect(classes.bolt).toMatchObject({ pixelAuroc: null, pixelAp: null, pixelF1: null, aupro: null, masks: 0 });
    expect(classes.bolt.imageAuroc).toBeTypeOf('number');
    expect(mean).toMatchObject({ pixelAuroc: null, aupro: null, imageAuroc: classes.bolt.imageAuroc });
  });

  it('warns of a class it was not trained on, and leaves out one without test images', async () => {
    await writeTinyClass(path('foreign'), 'bolt', 1, 'nut');
    await mkdir(path('foreign', 'washer', 'test'), { recursive: true });
    const lines: string[] = [];
    const { evaluation } = await evaluate({ data: [path('foreign')], log: (line) => lines.push(line) });
    expect(evaluation.classes.nut).toMatchObject({ threshold: null, recognised: 0 });
    expect(lines.join('\n')).toMatch(/not trained on class nut/);
    expect(lines.join('\n')).toMatch(/washer has no test images in .* left out/);
    await expect(evaluate({ classes: ['bolts'] })).rejects.toThrow(
      'The data has no class bolts (did you mean bolt?); it has bolt, plate.',
    );
  });

  it('says what false rejects were promised and measured, and how classes and unknown products were told apart', async () => {
    await writeTinyClass(path('other'), 'bolt', 2, 'nut');
    const { evaluation, details } = await evaluate({ unknown: [path('other', 'nut')] });
    const { coverage, recognition, unknown } = JSON.parse(JSON.stringify(evaluation)) as typeof evaluation;
    // 2 of 8 images are held out of each class: they promise 1 / 3.
    expect(coverage.classes.bolt).toMatchObject({ wanted: 0.05, calibrationImages: 2, freshImages: 3 });
    expect(coverage.classes.plate?.promised).toBeCloseTo(1 / 3, 12);
    expect(coverage.all).toMatchObject({ calibrationImages: 4, freshImages: 6 });
    expect(recognition.classes.bolt?.right.of).toBe(7);
    expect(recognition.right.rate).toBeCloseTo(
      (Number(evaluation.classes.bolt?.recognised) + Number(evaluation.classes.plate?.recognised)) / 2,
      12,
    );
    expect(Object.keys(unknown.leaveOneOut?.products ?? {})).toEqual(['bolt', 'plate']);
    // Two good images to train on and three to test with.
    expect(unknown.foreign?.products.nut?.rejected.of).toBe(5);
    const html = await htmlReport({ evaluation, details }, path('bundle'));
    for (const title of ['promised and measured', 'Recognition', 'Never trained on', 'One class left out']) {
      expect(html).toContain(title);
    }
    await expect(evaluate({ unknown: [path('products', 'bolt')] })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(/bolt: name folders of other classes/),
    });
  });

  it('becomes an HTML page that needs nothing else and escapes what it is given', async () => {
    await writeTinyClass(path('names'), 'bolt', 1, 'b<i>olt');
    const html = await htmlReport(await evaluate({ data: [path('names')] }), path('bundle'));
    expect(html).toContain('b&#60;i&#62;olt');
    expect(html).not.toContain('b<i>olt');
    expect(html).toContain('4 with a defect (3 of them with a mask)');
    expect(html.match(/<img src="data:image\/jpeg;base64,/g)?.length).toBeGreaterThan(0);
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
  });

  it('shows how its classes are confused, and with its run what the student reconstructs', async () => {
    const evaluated = await evaluate({ run: path('run') });
    const { recognised, separation, reconstruction } = JSON.parse(JSON.stringify(evaluated.evaluation)).classConfusion;
    expect(recognised.good).toMatchObject({ rows: ['bolt', 'plate'], columns: ['bolt', 'plate', 'unknown product'] });
    const images = (matrix: { counts: number[][] }) => matrix.counts.map((row) => row.reduce((a, b) => a + b, 0));
    expect([recognised.good, recognised.defect].map(images)).toEqual([
      [3, 3],
      [4, 4],
    ]);
    const { student, teacher, seenAsOwn } = reconstruction;
    expect([student.good, student.defect, teacher.good, teacher.defect].map(images)).toEqual([
      [3, 3],
      [4, 4],
      [3, 3],
      [4, 4],
    ]);
    // Stripes across and down in other colours: the teacher cannot mistake them.
    expect(seenAsOwn).toBe(1);
    expect(separation).toMatchObject({ clusters: 2, images: 14 });
    for (const { product, teacher, likeness } of evaluated.reconstructions ?? []) {
      expect(teacher).toBe(product);
      expect(likeness).toMatch(/train.good/);
    }
    expect(evaluated.reconstructions).toHaveLength(14);

    const html = await htmlReport(evaluated, path('bundle'));
    expect(html).toContain('<title>bolt, spot/3.png: ');
    expect(html).toContain('Reconstructed as');
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it('takes no other run for its own', async () => {
    await cp(path('run'), path('other'), { recursive: true });
    const weights = await readFile(path('run', 'best.safetensors'));
    weights[weights.length - 1] = (weights.at(-1) as number) ^ 1;
    await writeFile(path('other', 'best.safetensors'), weights);
    await expect(evaluate({ run: path('other') })).rejects.toMatchObject({
      code: 'RUN_INVALID',
      message: expect.stringMatching(/other is not the run .* its weights are others.*it was .*run\)/),
    });
  });

  it('is refused with a flipped byte, and where there is none', async () => {
    const files = Object.keys(bundle.manifest.files);
    for (const file of ['bundle.json', ...files]) {
      const content = await readFile(path('bundle', file));
      await mkdir(dirname(path('flipped', file)), { recursive: true });
      await writeFile(path('flipped', file), content);
    }
    const weights = files.find((file) => file.endsWith('.weights')) as string;
    const content = await readFile(path('flipped', weights));
    content[100] = (content[100] as number) ^ 1;
    await writeFile(path('flipped', weights), content);
    await expect(evaluate({ bundle: path('flipped') })).rejects.toMatchObject({
      code: 'BUNDLE_CORRUPT',
      message: expect.stringMatching(new RegExp(`${weights}.*copy the bundle again`)),
    });
    await expect(evaluate({ bundle: path('absent') })).rejects.toMatchObject({ code: 'BUNDLE_NOT_FOUND' });
  });

  it.each([
    ['fp16', 0.02, 0.6],
    ['int8', 0.2, 0.45],
  ] as const)('is exported in %s with thresholds and golden scores of its own', async (precision, drift, size) => {
    const lines: string[] = [];
    const { precisions, classes } = await exportBundle({
      run: path('run'),
      out: path(precision),
      precision,
      // Two epochs leave scores that mean little: time enough for some layers only.
      scanMs: 1500,
      evaluate: path('products'),
      log: (line) => lines.push(line),
    });
    const reduced = await open(precision);
    expect(reduced.manifest).toMatchObject({ precision, tolerance: TOLERANCE[precision] });
    expect(lines.join('\n')).toMatch(
      precision === 'fp16' ? /Half precision: \d+ of/ : /8-bit integers: \d+ of 73 layers/,
    );
    const [exact, shipped] = precisions?.precisions ?? [];
    expect(precisions?.images).toMatchObject({ good: 6, defective: 8, source: expect.stringContaining('products') });
    expect(exact).toMatchObject({ precision: 'fp32', change: null });
    expect(shipped?.change?.drift.mean).toBeLessThan(drift);
    expect(shipped?.change?.drift.mean).toBeGreaterThan(0);
    expect((shipped?.weightBytes as number) / (exact?.weightBytes as number)).toBeLessThan(size);
    const card = new TextDecoder().decode(await reduced.file('model-card.md'));
    expect(card).toMatch(new RegExp(`\\| ${precision} \\|.*%`));

    const runner = await ModelRunner.open(await reduced.model());
    const loader = new ImageLoader(32);
    const { run } = await readRun(path('run'));
    const heldOut = run.classes[0]?.heldOut ?? [];
    const scores: number[] = [];
    for (const file of heldOut) scores.push((await runner.score(await loader.load(file))).score);
    expect(classes[0]?.calibration).toEqual(scores.sort((a, b) => a - b));
    const [golden] = reduced.manifest.golden;
    expect((await runner.score(await loader.load(path(precision, golden?.image as string)))).score).toBe(golden?.score);
    await runner.close();
    await loader.close();
  });

  it('is exported from a run alone, to a free folder or over a bundle', async () => {
    await expect(exportBundle({ run: path('absent'), out: path('new') })).rejects.toMatchObject({
      code: 'RUN_INVALID',
    });
    const over = exportBundle({ run: path('run'), out: path('products') });
    await expect(over).rejects.toThrow(/products holds something that is no bundle: choose another folder/);
    await writeFile(path('file'), '');
    await expect(exportBundle({ run: path('run'), out: path('file', 'inside') })).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringContaining('choose another place'),
    });
  });
});
