import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { ModelRunner } from '../scoring.js';

/** How far scores moved, relative to what they were. */
export interface Drift {
  readonly mean: number;
  readonly max: number;
}

/** Scores of images, 8-bit RGB [S,S,3], by a model file's graph. */
export async function scoresOf(graph: OnnxGraph, images: readonly Uint8Array[]): Promise<number[]> {
  const runner = await ModelRunner.open(graph);
  try {
    const scores: number[] = [];
    for (const pixels of images) scores.push((await runner.score(pixels)).score);
    return scores;
  } finally {
    await runner.close();
  }
}

/** A score of zero moves by as much as it becomes; anomaly scores of real images are some tenths. */
const SMALLEST_SCORE = 1e-3;

/** Drift from `reference` to `scores`, image by image. A score that is no number has moved infinitely. */
export function driftOf(reference: readonly number[], scores: readonly number[]): Drift {
  const moved = reference.map((score, i) => {
    const difference = Math.abs((scores[i] as number) - score);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference / Math.max(Math.abs(score), SMALLEST_SCORE);
  });
  return { mean: moved.reduce((sum, value) => sum + value, 0) / Math.max(1, moved.length), max: Math.max(0, ...moved) };
}
