import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { decodeImage } from '../camera/decode.js';
import type { Picture } from '../camera/frame.js';
import type { Machine } from '../doctor/machine.js';
import type { Observe } from '../score/pipeline.js';
import { Scorer } from '../score/scorer.js';
import { heatmapOf } from '../service/pictures.js';
import { type Conditions, watchConditions } from './conditions.js';
import { type Latency, latencyOf } from './latency.js';

export interface BenchOptions {
  /** Bundle folder. */
  readonly bundle: string;
  /** Image file to score; default: the bundle's first golden sample. */
  readonly image?: string;
  readonly seconds: number;
  /** Inference threads; default: all cores. */
  readonly threads?: number;
  /** Hears what happens on the way, in words for a log. */
  readonly log?: (line: string) => void;
}

/** What was measured. */
export interface Figures {
  readonly schema: 'beltsight.bench/1';
  readonly model: { readonly name: string; readonly id: string; readonly size: number };
  readonly frame: { readonly source: string; readonly width: number; readonly height: number };
  readonly provider: string;
  /** Version of ONNX Runtime. */
  readonly runtimeVersion: string;
  readonly rejectedProviders: readonly { readonly provider: string; readonly reason: string }[];
  /** Inference threads that were asked for; null: all cores. */
  readonly threads: number | null;
  /** From the first frame to the end of the last. */
  readonly seconds: number;
  readonly frames: number;
  /** With a heatmap encoded for every frame. */
  readonly framesPerSecond: number;
  /** None if it was stopped before the first frame was done. */
  readonly stages: Readonly<Partial<Record<Stage, Latency>>>;
  readonly conditions: Conditions;
}

/** `score` is from pixels to verdict, the stages before it together; `heatmap` is its PNG. */
type Stage = Parameters<Observe>[0] | 'score' | 'heatmap';
type Samples = Record<Stage, number[]>;

/** Frames before those that count: the first of its size builds its preprocessing. */
const WARM_UP = 3;

/**
 * Scores one picture again and again, as fast as it goes.
 * @param signal ends early, with the figures so far
 * @throws BeltsightError as Scorer.open does, IMAGE_*, or ARGUMENT_INVALID if there is no image to score
 */
export async function measure(options: BenchOptions, machine: Machine, signal: AbortSignal): Promise<Figures> {
  const { bundle, threads, log } = options;
  const samples: Samples = { preprocess: [], model: [], decide: [], score: [], heatmap: [] };
  const observe: Observe = (stage, ms) => samples[stage].push(ms);
  const scorer = await Scorer.open(bundle, { threads, observe, ...(log ? { log } : {}) });
  try {
    const { name, modelId, input } = scorer.manifest;
    const source = sourceOf(options, scorer);
    const picture = await decodeImage(source);
    log?.(`Scoring ${source} for ${options.seconds} s on ${scorer.provider} (ONNX Runtime ${scorer.runtimeVersion}).`);
    const { width, height } = picture;
    return {
      schema: 'beltsight.bench/1',
      model: { name, id: modelId, size: input.size },
      frame: { source, width, height },
      provider: scorer.provider,
      runtimeVersion: scorer.runtimeVersion,
      rejectedProviders: scorer.rejected,
      threads: threads ?? null,
      ...(await runFor(options.seconds, scorer, picture, samples, machine, signal)),
    };
  } finally {
    await scorer.close();
  }
}

function sourceOf({ bundle, image }: BenchOptions, { manifest }: Scorer): string {
  if (image !== undefined) return image;
  const [golden] = manifest.golden;
  if (golden) return join(bundle, golden.image);
  throw new BeltsightError('ARGUMENT_INVALID', `${bundle} has no golden samples: give --image FILE.`);
}

async function runFor(
  seconds: number,
  scorer: Scorer,
  picture: Picture,
  samples: Samples,
  machine: Machine,
  signal: AbortSignal,
) {
  for (let i = 0; i < WARM_UP && !signal.aborted; i++) heatmapOf('bench', await scorer.score(picture));
  for (const list of Object.values(samples)) list.length = 0;
  const watching = new AbortController();
  const conditions = watchConditions(machine, watching.signal);
  const begin = performance.now();
  let now = begin;
  try {
    while (!signal.aborted && now < begin + seconds * 1000) {
      const inspection = await scorer.score(picture);
      const scored = performance.now();
      heatmapOf('bench', inspection);
      const encoded = performance.now();
      samples.score.push(scored - now);
      samples.heatmap.push(encoded - scored);
      now = encoded;
    }
  } finally {
    watching.abort();
  }
  const took = (now - begin) / 1000;
  const frames = samples.score.length;
  return {
    seconds: took,
    frames,
    framesPerSecond: frames === 0 ? 0 : frames / took,
    stages: frames === 0 ? {} : stagesOf(samples),
    conditions: await conditions,
  };
}

function stagesOf(samples: Samples): Record<Stage, Latency> {
  const entries = Object.entries(samples).map(([stage, list]) => [stage, latencyOf(list)]);
  return Object.fromEntries(entries);
}
