import { type BundleClass, decide, type Precision } from '@beltsight/sdk/bundle';
import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { rank } from '../../evaluate/metrics/ranking.js';
import type { ModelRunner, Scored } from '../scoring.js';
import { type Drift, driftOf } from './drift.js';
import type { Samples } from './samples.js';

/** A graph in a precision, open to score, with what was calibrated by it. */
export interface Candidate {
  readonly precision: Precision;
  readonly graph: OnnxGraph;
  readonly runner: ModelRunner;
  readonly classes: readonly BundleClass[];
}

export interface PrecisionFigures {
  readonly precision: Precision;
  readonly weightBytes: number;
  /** Mean over the classes of the area under the ROC curve of images; null without defects or without good images. */
  readonly imageAuroc: number | null;
  /** Against the first candidate; null for itself. */
  readonly change: Change | null;
}

interface Change {
  /** Of scores, relative. */
  readonly drift: Drift;
  /** Absolute difference of p-values, each by the calibration of its own precision. */
  readonly pValue: Drift;
  /** Images whose verdict is another. */
  readonly verdicts: number;
}

export interface PrecisionReport {
  readonly images: { readonly source: string; readonly good: number; readonly defective: number };
  /** Single precision first, then the one that ships. */
  readonly precisions: readonly PrecisionFigures[];
}

/** Scores samples in every candidate's precision and compares with the first one. */
export async function comparePrecisions(candidates: readonly Candidate[], samples: Samples): Promise<PrecisionReport> {
  const outputs = candidates.map((): Scored[] => []);
  for (const sample of samples.images) {
    const pixels = await sample.load();
    for (const [i, { runner }] of candidates.entries()) outputs[i]?.push(await runner.score(pixels));
  }
  const judged = candidates.map(({ classes }, i) => judge(outputs[i] as Scored[], classes, samples));
  const [reference] = judged as [Judged];
  const defective = samples.images.filter((sample) => sample.defective).length;
  return {
    images: { source: samples.source, good: samples.images.length - defective, defective },
    precisions: candidates.map(({ precision, graph }, i) => ({
      precision,
      weightBytes: weightBytes(graph),
      imageAuroc: imageAuroc((judged[i] as Judged).scores, samples),
      change: i === 0 ? null : changeOf(reference, judged[i] as Judged),
    })),
  };
}

interface Judged {
  readonly scores: readonly number[];
  readonly pValues: readonly number[];
  readonly verdicts: readonly string[];
}

function judge(outputs: readonly Scored[], classes: readonly BundleClass[], { images }: Samples): Judged {
  const manifest = { classes: [...classes] };
  return {
    scores: outputs.map(({ score }) => score),
    // By the true class: a p-value is there for every image, and differences are those of scores.
    pValues: outputs.map((output, i) => decide(output, manifest, images[i]?.className).pValue as number),
    verdicts: outputs.map((output) => decide(output, manifest).verdict),
  };
}

function changeOf(reference: Judged, other: Judged): Change {
  const differences = reference.pValues.map((value, i) => Math.abs((other.pValues[i] as number) - value));
  return {
    drift: driftOf(reference.scores, other.scores),
    pValue: {
      mean: differences.reduce((sum, value) => sum + value, 0) / Math.max(1, differences.length),
      max: Math.max(0, ...differences),
    },
    verdicts: reference.verdicts.filter((verdict, i) => verdict !== other.verdicts[i]).length,
  };
}

function imageAuroc(scores: readonly number[], { images }: Samples): number | null {
  const names = [...new Set(images.map(({ className }) => className))];
  const areas = names.flatMap((name) => {
    const places = [...images.keys()].filter((i) => images[i]?.className === name);
    const { auroc } = rank(
      Float32Array.from(places, (i) => scores[i] as number),
      Uint8Array.from(places, (i) => (images[i]?.defective ? 1 : 0)),
    );
    return auroc === null ? [] : [auroc];
  });
  return areas.length === 0 ? null : areas.reduce((sum, area) => sum + area, 0) / areas.length;
}

/** Bytes of all constants of a graph. */
function weightBytes({ initializers }: OnnxGraph): number {
  return [...initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
}
