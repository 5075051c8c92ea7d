import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decide, openBundle } from '@beltsight/sdk/bundle';
import { type ProductClass, readKnown } from '../data/dataset.js';
import { ImageLoader } from '../data/loader.js';
import { evaluateModel, type OpenModel } from '../evaluate/evaluate.js';
import { type ClassResult, METRICS } from '../evaluate/results.js';
import { ModelRunner } from '../export/scoring.js';
import type { Run } from '../train/run.js';
import { type Comparison, FIGURES, type Figure, type Figures } from './comparison.js';

export interface CompareOptions {
  /** Folder of the bundle before. */
  readonly before: string;
  readonly after: OpenModel;
  /** The run that made the model after. */
  readonly run: Run;
  /** Folders with test images. */
  readonly data: readonly string[];
  /** Hears of every image scored, by either model. */
  readonly progress?: (done: number, total: number) => void;
}

type Measured = Readonly<Record<Figure, number | null>>;

/**
 * Measures a model and the one it came from on the same images: test images of the classes that they know, and pictures that were fed
 * back, of which those are taken that neither trained nor calibrated.
 * @throws BeltsightError BUNDLE_*, DATASET_*, IMAGE_*
 */
export async function compareModels({ before, after, run, data, progress }: CompareOptions): Promise<Comparison> {
  const bundle = await openBundle((path) => readFile(join(before, path)));
  const known = run.classes.map(({ name }) => name);
  const products = (await readKnown(data, known)).filter(({ name, test }) => known.includes(name) && test.length > 0);
  const tests = products.flatMap(({ test }) => test);
  const feedback = run.classes.flatMap((each) => each.feedback.test);
  const total = 2 * (tests.length + feedback.length);
  let done = 0;
  const tick = () => progress?.(++done, total);
  const loader = new ImageLoader(run.model.size, 0);
  const runner = await ModelRunner.open(await bundle.model());
  try {
    const measure = (model: OpenModel) => measured(model, products, run, loader, tick);
    const [old, fresh] = [await measure({ runner, classes: bundle.manifest.classes }), await measure(after)];
    const pairs = (figures: (which: ReadonlyMap<string, Measured>) => Measured) =>
      Object.fromEntries(
        FIGURES.map((figure) => [figure, { before: figures(old)[figure], after: figures(fresh)[figure] }]),
      ) as Figures;
    const defective = tests.filter(({ defect }) => defect !== undefined).length;
    return {
      schema: 'beltsight.comparison/1',
      before: { modelId: bundle.manifest.modelId, release: run.from?.release ?? null },
      data: [...data],
      images: { good: tests.length - defective, defective, feedback: feedback.length },
      classes: Object.fromEntries(
        [...old.keys()].map((name) => [name, pairs((which) => which.get(name) as Measured)] as const),
      ),
      mean: pairs((which) => meanOf([...which.values()])),
    };
  } finally {
    await runner.close();
    await loader.close();
  }
}

/** Figures of each class of the run. */
async function measured(
  model: OpenModel,
  products: readonly ProductClass[],
  run: Run,
  loader: ImageLoader,
  tick: () => void,
): Promise<ReadonlyMap<string, Measured>> {
  const details = await evaluateModel(model, products, loader, tick);
  const results = new Map(details.map(({ name, result }) => [name, result] as const));
  const figures = new Map<string, Measured>();
  for (const { name, feedback } of run.classes) {
    let rejected = 0;
    for (const file of feedback.test) {
      const { verdict } = decide(await model.runner.score(await loader.load(file)), { classes: [...model.classes] });
      if (verdict !== 'pass') rejected++;
      tick();
    }
    const falseAlarms = feedback.test.length === 0 ? null : rejected / feedback.test.length;
    figures.set(name, { ...figuresOf(results.get(name)), falseAlarms });
  }
  return figures;
}

function figuresOf(result: ClassResult | undefined): Omit<Measured, 'falseAlarms'> {
  const metrics = Object.fromEntries(METRICS.map((metric) => [metric, result?.[metric] ?? null]));
  const missed = result && result.defects > 0 ? result.confusion.defect.pass / result.defects : null;
  return { ...(metrics as Omit<Measured, 'falseAlarms'>), falseRejects: result?.falseRejectRate ?? null, missed };
}

function meanOf(classes: readonly Measured[]): Measured {
  const mean = (figure: Figure) => {
    const values = classes.flatMap((each) => each[figure] ?? []);
    return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
  };
  return Object.fromEntries(FIGURES.map((figure) => [figure, mean(figure)])) as Measured;
}
