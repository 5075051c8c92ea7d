import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { driftOf, scoresOf } from '../drift.js';
import { observe } from '../observe.js';
import { Magnitudes } from './histogram.js';
import type { Layer } from './layers.js';
import { quantise, type Ranges } from './quantise.js';

/** Ways to take a range from what was seen. Clipping rare large elements leaves finer steps for all others. */
const METHODS: readonly { readonly name: string; readonly of: (seen: Magnitudes) => number }[] = [
  { name: 'largest magnitude', of: (seen) => seen.max },
  { name: 'percentile 99.999', of: (seen) => seen.percentile(0.99999) },
  { name: 'percentile 99.99', of: (seen) => seen.percentile(0.9999) },
  { name: 'percentile 99.9', of: (seen) => seen.percentile(0.999) },
];

export interface Calibration {
  /** Name of the method by which ranges were taken. */
  readonly method: string;
  readonly ranges: Ranges;
}

/** What score drift is measured on: images, 8-bit RGB [S,S,3], with the scores of the unquantised graph. */
export interface Probes {
  readonly images: readonly Uint8Array[];
  readonly scores: readonly number[];
}

/**
 * Ranges of all that the layers read, from the images; by the method with which the scores of the probes drift least when
 * every layer is quantised.
 * @param images good products, 8-bit RGB [S,S,3]
 * @param tick hears of every method tried
 */
export async function calibrateRanges(
  graph: OnnxGraph,
  layers: readonly Layer[],
  images: readonly Uint8Array[],
  probes: Probes,
  tick: (done: number, total: number) => void = () => undefined,
): Promise<Calibration> {
  const seen = new Map(layers.map(({ input }) => [input, new Magnitudes()] as const));
  await observe(graph, new Set(seen.keys()), images, (value, elements) => seen.get(value)?.add(elements));
  let best: (Calibration & { drift: number }) | undefined;
  for (const [i, { name, of }] of METHODS.entries()) {
    const ranges = new Map([...seen].map(([value, magnitudes]) => [value, of(magnitudes)] as const));
    const scores = await scoresOf(quantise(graph, layers, ranges), probes.images);
    const drift = driftOf(probes.scores, scores).mean;
    if (!best || drift < best.drift) best = { method: name, ranges, drift };
    tick(i + 1, METHODS.length);
  }
  return best as Calibration;
}
