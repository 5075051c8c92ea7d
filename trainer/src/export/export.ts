import { basename, resolve } from 'node:path';
import { type BundleClass, MANIFEST, type Precision, sealBundle } from '@beltsight/sdk/bundle';
import { compareModels } from '../compare/compare.js';
import type { Comparison } from '../compare/comparison.js';
import { ImageLoader } from '../data/loader.js';
import { defineModel } from '../model/network.js';
import { loadTeacher } from '../model/teacher/load.js';
import { type RunOrigin, readRun, runFiles, type TrainedRun } from '../train/run.js';
import { type CalibrationSample, calibrate } from './calibrate.js';
import { CARD, cardText, modelCard } from './card.js';
import { fitImages } from './fit-images.js';
import { requireFree, writeFolder } from './folder.js';
import { goldenSamples } from './golden.js';
import { inferenceGraph, optimised } from './inference-graph.js';
import { lintForTensorRt } from './lint.js';
import { placementOf } from './placement.js';
import { reduceTo } from './precision/reduce.js';
import { type Candidate, comparePrecisions, type PrecisionReport } from './precision/report.js';
import { heldOutSamples, testSamples } from './precision/samples.js';
import { TOLERANCE } from './precision/tolerance.js';
import { ModelRunner } from './scoring.js';

export interface ExportOptions {
  readonly run: string;
  readonly out: string;
  /** What people call the model; default: the name of the run folder. Of a fine-tuning, this and the next three are by default those of the bundle that it started from. */
  readonly name?: string;
  /** Share of good products that may be rejected, in (0, 1); default 0.05. */
  readonly falseRejectRate?: number;
  /** N of the input; default 1. */
  readonly batch?: number;
  /** Arithmetic of the graph; default `fp32`. Inputs and outputs are float32 in each. */
  readonly precision?: Precision;
  /** Folder with test images in MVTec layout, on which precisions are compared; default: held-out images. */
  readonly evaluate?: string;
  /** Whether a fine-tuned model is compared with the one it came from, on `evaluate` or the test images of its data; default true. */
  readonly compare?: boolean;
  /** For scoring; default: all cores. */
  readonly threads?: number | undefined;
  /** Time for measuring what each layer loses to 8-bit integers, ms; default three minutes. */
  readonly scanMs?: number;
  /** Sentences for people: warnings about the calibration, what a precision keeps back. */
  readonly log?: (line: string) => void;
  /** Hears how far quantisation is, for a progress bar. */
  readonly progress?: (stage: string, done: number, total: number) => void;
}

export interface ExportSummary {
  readonly modelId: string;
  readonly classes: readonly BundleClass[];
  readonly exportDifference: number;
  /** Accuracy and drift by precision; null for a graph in single precision that nobody asked to evaluate. */
  readonly precisions: PrecisionReport | null;
  /** Against the model that the training started from; null where there is none, or nobody wanted it. */
  readonly comparison: Comparison | null;
}

/**
 * Makes a bundle from a run: model file, thresholds, centroids, golden samples, model card. All of them are made with the graph
 * that ships. The folder appears whole or not at all.
 * @throws BeltsightError RUN_INVALID, GRAPH_INVALID, IO_FAILED, ...
 */
export async function exportBundle(options: ExportOptions): Promise<ExportSummary> {
  const { out, log = () => undefined } = options;
  await requireFree(out);
  const trained = await readRun(options.run);
  const { name, falseRejectRate, batch, precision } = { ...settingsOf(trained, options), ...given(options) };
  const teacher = await loadTeacher(trained.run.teacher.source, trained.run.teacher.sha256);
  const model = defineModel(trained.run.model);
  const plain = inferenceGraph(model, teacher, trained.weights, batch);
  const exactGraph = optimised(plain);
  lintForTensorRt(exactGraph);
  const loader = new ImageLoader(model.config.size);
  const open: ModelRunner[] = [];
  const openRunner = async (graph: typeof plain) => {
    const runner = await ModelRunner.open(graph, options.threads);
    open.push(runner);
    return runner;
  };
  try {
    const samples =
      options.evaluate === undefined ? undefined : await testSamples(options.evaluate, trained.run, loader);
    const images = precision === 'fp32' ? { good: [], probes: [] } : await fitImages(trained.run, loader);
    const { graph, details } = await reduceTo(precision, exactGraph, images, { ...options, log });
    lintForTensorRt(graph);
    log(`Graph of ${graph.nodes.length} operators, all of which TensorRT parses.`);
    const candidate = async (which: Precision, of: typeof plain): Promise<Candidate> => {
      const runner = await openRunner(of);
      const classes = calibrate(await scoreHeldOut(trained, loader, runner), falseRejectRate);
      return { precision: which, graph: of, runner, classes };
    };
    for (const line of trained.run.classes.flatMap(heldOutWarning)) log(line);
    const exact = await candidate('fp32', exactGraph);
    const shipped = precision === 'fp32' ? exact : await candidate(precision, graph);
    const { classes } = shipped;
    for (const line of classes.flatMap(calibrationWarning)) log(line);
    const runners = { shipped: shipped.runner, exact: exact.runner, reference: await openRunner(plain) };
    const { golden, images: pictures, difference } = await goldenSamples(trained.run, loader, runners, classes);
    const candidates = shipped === exact ? [exact] : [exact, shipped];
    const precisions =
      candidates.length === 1 && !samples
        ? null
        : await comparePrecisions(candidates, samples ?? heldOutSamples(trained.run, loader));
    const comparison = await compared(trained, shipped, options);
    const createdAt = new Date().toISOString();
    const card = modelCard({
      name,
      createdAt,
      folder: options.run,
      trained,
      classes,
      exportDifference: difference,
      precision: { details, report: precisions },
      comparison,
    });
    const encode = (text: string) => new TextEncoder().encode(text);
    const files = await sealBundle({
      name,
      createdAt,
      model: graph,
      placement: placementOf(exactGraph, model, teacher),
      input: { name: 'image', size: model.config.size, batch },
      precision,
      embeddingSize: model.embeddingSize,
      classes: [...classes],
      golden,
      tolerance: TOLERANCE[precision],
      extra: new Map([
        ...pictures,
        [CARD, encode(`${JSON.stringify(card, null, 2)}\n`)],
        ['model-card.md', encode(cardText(card))],
      ]),
    });
    await writeFolder(out, files);
    const modelId = JSON.parse(new TextDecoder().decode(files.get(MANIFEST))).modelId as string;
    return { modelId, classes, exportDifference: difference, precisions, comparison };
  } finally {
    for (const runner of open) await runner.close();
    await loader.close();
  }
}

/** How a bundle is exported where nobody says otherwise: as the one was that the training started from. */
function settingsOf({ run }: TrainedRun, options: ExportOptions): RunOrigin['export'] {
  const name = basename(resolve(options.run));
  return run.from?.export ?? { name, falseRejectRate: 0.05, batch: 1, precision: 'fp32' };
}

function given({ name, falseRejectRate, batch, precision }: ExportOptions): Partial<RunOrigin['export']> {
  const wanted = Object.entries({ name, falseRejectRate, batch, precision }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(wanted);
}

/** A model that was trained further beside the one it came from, which lies in the run. */
async function compared(
  { run }: TrainedRun,
  after: Candidate,
  { run: folder, compare = true, evaluate, progress }: ExportOptions,
): Promise<Comparison | null> {
  if (!run.from || !compare) return null;
  const data = evaluate === undefined ? run.config.data : [evaluate];
  return compareModels({
    before: runFiles(folder).origin,
    after,
    run,
    data,
    progress: (done, total) => progress?.('comparing with the model before', done, total),
  });
}

async function scoreHeldOut(
  { run }: TrainedRun,
  loader: ImageLoader,
  runner: ModelRunner,
): Promise<Map<string, CalibrationSample[]>> {
  const samples = new Map<string, CalibrationSample[]>();
  for (const { name, train, heldOut } of run.classes) {
    const scored: CalibrationSample[] = [];
    for (const file of heldOut.length > 0 ? heldOut : train) scored.push(await runner.score(await loader.load(file)));
    samples.set(name, scored);
  }
  return samples;
}

function heldOutWarning({ name, heldOut }: TrainedRun['run']['classes'][number]): string[] {
  if (heldOut.length > 0) return [];
  return [`Warning: class ${name} has no held-out image; it is calibrated on what it was trained on.`];
}

function calibrationWarning({ name, calibration, falseRejectRate: { wanted, attained } }: BundleClass): string[] {
  if (attained <= wanted) return [];
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const needed = Math.ceil(1 / wanted) - 1;
  return [
    `Warning: class ${name} has ${calibration.length} calibration images, which promise ${percent(attained)} false rejects at best; ${percent(wanted)} needs ${needed}.`,
  ];
}
