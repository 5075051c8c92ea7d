import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type Bundle, type BundleClass, decide, openBundle } from '@beltsight/sdk/bundle';
import { type ProductClass, readKnown, selectClasses, type TestImage } from '../data/dataset.js';
import { ImageLoader } from '../data/loader.js';
import { readCard } from '../export/card.js';
import { ModelRunner } from '../export/scoring.js';
import { readRun, type TrainedRun } from '../train/run.js';
import { classConfusion } from './confusion/confusion.js';
import { type Reconstruction, reconstruct } from './confusion/reconstruction.js';
import { coverageOf } from './coverage/coverage.js';
import { foreignProducts, seeForeign } from './coverage/foreign.js';
import { recognitionOf } from './coverage/recognition.js';
import { unknownOf } from './coverage/unknown.js';
import { coverageWarnings } from './coverage/warnings.js';
import { aupro, type ProPoint } from './metrics/aupro.js';
import { descendingOrder } from './metrics/order.js';
import { rank } from './metrics/ranking.js';
import { type ClassResult, confusionOf, type Evaluation, type ImageResult, meanMetrics } from './results.js';

/** A class's results with what a report draws. */
export interface ClassDetail {
  readonly name: string;
  readonly result: ClassResult;
  readonly images: readonly ImageResult[];
  /** The per-region-overlap curve, thinned. */
  readonly proCurve: readonly ProPoint[];
}

export interface EvaluateOptions {
  readonly bundle: string;
  readonly data: readonly string[];
  /** Only these classes; default: all of the data. */
  readonly classes?: readonly string[];
  /** Folders of products that the model was never trained on: data folders or class folders. */
  readonly unknown?: readonly string[];
  /** Run folder that the bundle was exported from: then what the student reconstructs is measured, too, in about the same time again. */
  readonly run?: string;
  /** For scoring; default: all cores. */
  readonly threads?: number | undefined;
  /** Sentences for people: classes without test images, classes the model does not know. */
  readonly log?: (line: string) => void;
  /** Hears of every image scored, for a progress bar. */
  readonly progress?: (done: number, total: number) => void;
}

/** What an evaluation measured, and what a report draws of it. */
export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly details: readonly ClassDetail[];
  /** Of every image, in the order of `details`; only where the run was given. */
  readonly reconstructions?: readonly Reconstruction[];
}

/** A model file open to score, with what it decides by. */
export interface OpenModel {
  readonly runner: ModelRunner;
  readonly classes: readonly BundleClass[];
}

/**
 * Measures a bundle on test images: the model file that devices run, on the pixels that devices see.
 * @throws BeltsightError BUNDLE_*, DATASET_*, IMAGE_*, RUN_INVALID
 */
export async function evaluateBundle(options: EvaluateOptions): Promise<Evaluated> {
  const bundle = await openBundle((path) => readFile(join(options.bundle, path)));
  const { classes: known, modelId, name } = bundle.manifest;
  const named = known.map((each) => each.name);
  const classes = measurable(await readKnown(options.data, named), bundle, options);
  const foreign = await foreignProducts(
    options.unknown ?? [],
    new Set([...classes.map((each) => each.name), ...named]),
  );
  const loader = new ImageLoader(bundle.manifest.input.size, 0);
  const trained = options.run === undefined ? undefined : await runOf(bundle, options.run);
  const runner = await ModelRunner.open(await bundle.model(), options.threads);
  const tests = classes.flatMap(({ test }) => test).length;
  const total = tests * (trained ? 2 : 1) + foreign.flatMap(({ files }) => files).length;
  let done = 0;
  const tick = () => options.progress?.(++done, total);
  try {
    const details = await evaluateModel({ runner, classes: known }, classes, loader, tick);
    const seen = [...details, ...(await seeForeign(foreign, runner, loader, tick))];
    const reconstructions = trained && (await reconstruct(trained, details, loader, tick));
    const results = Object.fromEntries(details.map(({ name, result }) => [name, result] as const));
    const evaluation: Evaluation = {
      schema: 'beltsight.evaluation/1',
      modelId,
      name,
      data: options.data,
      classes: results,
      mean: meanMetrics(Object.values(results)),
      coverage: coverageOf(details, known),
      recognition: recognitionOf(details, known),
      unknown: unknownOf(seen, known),
      classConfusion: classConfusion(details, named, reconstructions),
    };
    for (const line of coverageWarnings(evaluation.coverage)) options.log?.(line);
    return { evaluation, details, ...(reconstructions && { reconstructions }) };
  } finally {
    await runner.close();
    await loader.close();
  }
}

/** Measures a model on the test images of classes. */
export async function evaluateModel(
  model: OpenModel,
  products: readonly ProductClass[],
  loader: ImageLoader,
  tick: () => void = () => undefined,
): Promise<ClassDetail[]> {
  const details: ClassDetail[] = [];
  for (const product of products) details.push(await evaluateClass(product, model, loader, tick));
  return details;
}

/** The run in `folder`, if it is the one that the bundle was exported from. */
async function runOf(bundle: Bundle, folder: string): Promise<TrainedRun> {
  const trained = await readRun(folder);
  const { run } = await readCard(bundle);
  if (run?.weights === trained.sha256) return trained;
  throw new BeltsightError(
    'RUN_INVALID',
    `${folder} is not the run that the bundle was exported from, or was trained on since: its weights are others. Export it again, or name the right folder${run === undefined ? '' : ` (it was ${run.folder})`}.`,
  );
}

function measurable(
  found: readonly ProductClass[],
  bundle: Bundle,
  { classes, log = () => undefined }: EvaluateOptions,
): ProductClass[] {
  const chosen = selectClasses(found, classes);
  for (const { name, folder, test } of chosen) {
    if (test.length === 0) log(`Warning: class ${name} has no test images in ${folder} and is left out.`);
    const known = bundle.manifest.classes.some((candidate) => candidate.name === name);
    if (!known) log(`Warning: the model was not trained on class ${name}; its images should be unknown to it.`);
  }
  const measured = chosen.filter(({ test }) => test.length > 0);
  if (measured.length > 0) return measured;
  throw new BeltsightError('DATASET_EMPTY', 'No class has test images: expected <class>/test/{good,<defect>}/*.png.');
}

async function evaluateClass(
  product: ProductClass,
  { runner, classes }: OpenModel,
  loader: ImageLoader,
  tick: () => void,
): Promise<ClassDetail> {
  const area = runner.size ** 2;
  const measured = product.test.filter(hasTruth);
  const maps = new Float32Array(measured.length * area);
  const masks = new Uint8Array(measured.length * area);
  const images: ImageResult[] = [];
  let slot = 0;
  for (const test of product.test) {
    const output = await runner.score(await loader.load(test.file));
    const decision = decide(output, { classes: [...classes] });
    images.push({
      ...test,
      score: output.score,
      embedding: output.embedding,
      decision,
    });
    if (hasTruth(test)) {
      maps.set(output.map, slot * area);
      if (test.mask !== undefined) masks.set(await loader.loadMask(test.mask), slot * area);
      slot++;
    }
    tick();
  }
  const withMask = measured.filter(({ mask }) => mask !== undefined).length;
  const proCurve: ProPoint[] = [];
  const pixel = withMask === 0 ? NO_PIXELS : pixelMetrics(maps, masks, runner.size, thinned(proCurve));
  const image = rank(
    Float32Array.from(images, ({ score }) => score),
    Uint8Array.from(images, ({ defect }) => (defect === undefined ? 0 : 1)),
  );
  const confusion = confusionOf(images);
  const good = images.filter(({ defect }) => defect === undefined).length;
  const result: ClassResult = {
    imageAuroc: image.auroc,
    imageAp: image.ap,
    imageF1: image.f1,
    ...pixel,
    images: images.length,
    defects: images.length - good,
    masks: withMask,
    confusion,
    falseRejectRate: good === 0 ? null : 1 - confusion.good.pass / good,
    recognised: images.filter(({ decision }) => decision.className === product.name).length / images.length,
    threshold: classes.find(({ name }) => name === product.name)?.threshold ?? null,
  };
  return { name: product.name, result, images, proCurve };
}

/** Good images have an empty mask; a defect without a mask says nothing about pixels. */
const hasTruth = ({ defect, mask }: TestImage) => defect === undefined || mask !== undefined;

const NO_PIXELS = { pixelAuroc: null, pixelAp: null, pixelF1: null, aupro: null };

function pixelMetrics(maps: Float32Array, masks: Uint8Array, size: number, visit: (point: ProPoint) => void) {
  const order = descendingOrder(maps);
  const { auroc, ap, f1 } = rank(maps, masks, order);
  const overlap = aupro({ maps, masks, width: size, height: size }, order, 0.3, visit);
  return { pixelAuroc: auroc, pixelAp: ap, pixelF1: f1, aupro: overlap };
}

/** Keeps a point for every 0.5 % of false positives: a curve for the eye. */
function thinned(points: ProPoint[]): (point: ProPoint) => void {
  let next = 0;
  return (point) => {
    if (point.falsePositiveRate < next) return;
    points.push(point);
    next = point.falsePositiveRate + 0.005;
  };
}
