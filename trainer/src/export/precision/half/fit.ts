import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { observe } from '../observe.js';
import { type HalfGraph, halfValues, toHalf } from './convert.js';
import { LARGEST_HALF } from './float16.js';

/** Products in production may excite a layer more than the calibration images do: by less than this factor. */
const HEADROOM = 8;

export interface FittedHalf extends HalfGraph {
  /** Operators kept in single precision because their results come near the largest half, by the name of their output. */
  readonly keptBack: readonly string[];
}

/**
 * Converts a graph to half precision, but for operators whose results could leave its range. A processor that lacks half
 * precision computes in single and would never show the overflow that a GPU then meets: so the results are looked at.
 * @param images good products, 8-bit RGB [S,S,3]
 */
export async function fitHalf(graph: OnnxGraph, images: readonly Uint8Array[]): Promise<FittedHalf> {
  const largest = new Map<string, number>();
  await observe(graph, halfValues(graph), images, (value, elements) => {
    let size = largest.get(value) ?? 0;
    for (const element of elements) if (!(Math.abs(element) <= size)) size = Math.abs(element);
    largest.set(value, size);
  });
  const keptBack = [...largest].filter(([, size]) => !(size * HEADROOM <= LARGEST_HALF)).map(([value]) => value);
  return { ...toHalf(graph, new Set(keptBack)), keptBack };
}
