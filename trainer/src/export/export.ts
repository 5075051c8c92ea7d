import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type BundleClass, decide, MANIFEST, sealBundle } from '@beltsight/sdk/bundle';
import sharp from 'sharp';
import { ImageLoader } from '../data/loader.js';
import { defineModel } from '../model/network.js';
import { loadTeacher } from '../model/teacher/load.js';
import { writeFailed } from '../train/atomic.js';
import { readRun, type TrainedRun } from '../train/run.js';
import { type CalibrationSample, calibrate } from './calibrate.js';
import { cardText, modelCard } from './card.js';
import { inferenceGraph, optimised } from './inference-graph.js';
import { lintForTensorRt } from './lint.js';
import { placementOf } from './placement.js';
import { ModelRunner } from './scoring.js';
import { syntheticDefect } from './synthetic-defect.js';

export interface ExportOptions {
  readonly run: string;
  readonly out: string;
  /** What people call the model; default: the name of the run folder. */
  readonly name?: string;
  /** Share of good products that may be rejected, in (0, 1); default 0.05. */
  readonly falseRejectRate?: number;
  /** N of the input; default 1. */
  readonly batch?: number;
  /** Sentences for people: warnings about the calibration. */
  readonly log?: (line: string) => void;
}

export interface ExportSummary {
  readonly modelId: string;
  readonly classes: readonly BundleClass[];
  readonly exportDifference: number;
}

/** Golden samples: this many held-out good images of each class, and as many with a drawn defect. */
const GOLDEN_PER_CLASS = 2;
/** Another provider or precision may move a golden score by so much, relative to max(1, |score|). */
const TOLERANCE = 0.02;
/** The graph that is written must score as the plain recording of the trainer's forward pass does. */
const EXPORT_TOLERANCE = 1e-4;

/**
 * Makes a bundle from a run: model file, thresholds, centroids, golden samples, model card. The folder appears whole or
 * not at all.
 * @throws BeltsightError RUN_INVALID, GRAPH_INVALID, IO_FAILED, ...
 */
export async function exportBundle(options: ExportOptions): Promise<ExportSummary> {
  const {
    out,
    name = basename(resolve(options.run)),
    falseRejectRate = 0.05,
    batch = 1,
    log = () => undefined,
  } = options;
  await requireFree(out);
  const trained = await readRun(options.run);
  const teacher = await loadTeacher(trained.run.teacher.source);
  const model = defineModel(trained.run.model);
  const plain = inferenceGraph(model, teacher, trained.weights, batch);
  const graph = optimised(plain);
  lintForTensorRt(graph);
  log(`Graph of ${graph.nodes.length} operators, all of which TensorRT parses.`);
  const loader = new ImageLoader(model.config.size);
  const runner = await ModelRunner.open(graph);
  const reference = await ModelRunner.open(plain);
  try {
    const classes = calibrate(await scoreHeldOut(trained, loader, runner, log), falseRejectRate);
    for (const line of classes.flatMap(calibrationWarning)) log(line);
    const { golden, images, difference } = await goldenSamples(trained, loader, runner, reference, classes);
    const createdAt = new Date().toISOString();
    const card = modelCard(name, createdAt, trained, classes, difference);
    const encode = (text: string) => new TextEncoder().encode(text);
    const files = await sealBundle({
      name,
      createdAt,
      model: graph,
      placement: placementOf(graph, model, teacher),
      input: { name: 'image', size: model.config.size, batch },
      embeddingSize: model.embeddingSize,
      classes,
      golden,
      tolerance: TOLERANCE,
      extra: new Map([
        ...images,
        ['model-card.json', encode(`${JSON.stringify(card, null, 2)}\n`)],
        ['model-card.md', encode(cardText(card))],
      ]),
    });
    await writeFolder(out, files);
    const modelId = JSON.parse(new TextDecoder().decode(files.get(MANIFEST))).modelId as string;
    return { modelId, classes, exportDifference: difference };
  } finally {
    await runner.close();
    await reference.close();
    await loader.close();
  }
}

async function scoreHeldOut(
  { run }: TrainedRun,
  loader: ImageLoader,
  runner: ModelRunner,
  log: (line: string) => void,
): Promise<Map<string, CalibrationSample[]>> {
  const samples = new Map<string, CalibrationSample[]>();
  for (const { name, train, heldOut } of run.classes) {
    if (heldOut.length === 0)
      log(`Warning: class ${name} has no held-out image; it is calibrated on what it was trained on.`);
    const scored: CalibrationSample[] = [];
    for (const file of heldOut.length > 0 ? heldOut : train) scored.push(await runner.score(await loader.load(file)));
    samples.set(name, scored);
  }
  return samples;
}

function calibrationWarning({ name, calibration, falseRejectRate: { wanted, attained } }: BundleClass): string[] {
  if (attained <= wanted) return [];
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const needed = Math.ceil(1 / wanted) - 1;
  return [
    `Warning: class ${name} has ${calibration.length} calibration images, which promise ${percent(attained)} false rejects at best; ${percent(wanted)} needs ${needed}.`,
  ];
}

async function goldenSamples(
  { run }: TrainedRun,
  loader: ImageLoader,
  runner: ModelRunner,
  reference: ModelRunner,
  classes: readonly BundleClass[],
) {
  const images = new Map<string, Uint8Array>();
  const golden: { image: string; class: string; score: number; verdict: 'pass' | 'reject' | 'unknown' }[] = [];
  let difference = 0;
  for (const { name, train, heldOut } of run.classes) {
    for (const file of (heldOut.length > 0 ? heldOut : train).slice(0, GOLDEN_PER_CLASS)) {
      const good = await loader.load(file);
      for (const pixels of [good, syntheticDefect(good, loader.size)]) {
        const image = `golden/${String(golden.length).padStart(3, '0')}.png`;
        const output = await runner.score(pixels);
        difference = Math.max(difference, Math.abs(output.score - (await reference.score(pixels)).score));
        images.set(image, await png(pixels, loader.size));
        golden.push({
          image,
          class: name,
          score: output.score,
          verdict: decide(output, { classes: [...classes] }).verdict,
        });
      }
    }
  }
  if (difference > EXPORT_TOLERANCE) {
    throw new BeltsightError(
      'GRAPH_INVALID',
      `The exported graph scores up to ${difference} away from the trainer's: this is a defect of the exporter, please report it.`,
    );
  }
  return { golden, images, difference };
}

async function png(pixels: Uint8Array, size: number): Promise<Uint8Array> {
  return new Uint8Array(
    await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toBuffer(),
  );
}

/** A bundle may be replaced; anything else is left alone. */
async function requireFree(out: string): Promise<void> {
  const held: string[] = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw writeFailed(out, error);
  });
  if (held.length === 0 || held.includes(MANIFEST)) return;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `${out} holds something that is no bundle: choose another folder with --out.`,
  );
}

/** Writes a folder beside its place and renames it, so that nobody sees half a bundle. */
async function writeFolder(out: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const target = resolve(out);
  const temporary = `${target}.part`;
  try {
    await rm(temporary, { recursive: true, force: true });
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeFile(join(temporary, path), bytes);
    }
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeFailed(out, cause);
  }
}
