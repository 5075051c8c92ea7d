import type { OnnxGraph } from '@beltsight/sdk/onnx';
import type { Drift } from '../drift.js';
import { scoresOf } from '../drift.js';
import { layersOf } from './layers.js';
import { calibrateRanges } from './ranges.js';
import { scanSensitivity, selectLayers } from './sensitivity.js';

/** Images, 8-bit RGB [S,S,3], that decide how a graph is quantised. */
export interface FitImages {
  /** Good products, which show the ranges. */
  readonly good: readonly Uint8Array[];
  /** Good products and defects, whose scores must not drift. */
  readonly probes: readonly Uint8Array[];
}

export interface FitOptions {
  /** Drift of the probes' scores that quantisation may cost. */
  readonly limit?: Drift;
  /** Time for the sensitivity scan, ms. Layers that it does not come to are quantised unless the limit forbids. */
  readonly scanMs?: number;
  /** Hears how far it is, in words for people. */
  readonly progress?: (stage: string, done: number, total: number) => void;
}

export interface FittedInt8 {
  readonly graph: OnnxGraph;
  /** How ranges were taken. */
  readonly ranges: string;
  readonly layers: number;
  readonly quantised: number;
  /** Layers that were quantised one by one to see what each costs: none where all of them together are within the limit. */
  readonly scanned: number;
  /** Layers left in floating point, with the mean score drift that each alone would cost (null: not scanned). */
  readonly keptBack: readonly { readonly layer: string; readonly drift: number | null }[];
  /** Of the probes. */
  readonly drift: Drift;
}

/**
 * A mean drift of 0.5 % is an order of magnitude below how much scores of good products differ from each other; single images
 * may move by ten times that, which is still little beside what a defect adds to a score.
 */
const LIMIT: Drift = { mean: 0.005, max: 0.05 };
/** A scan of the shipped teacher with a student of full width takes about as long on two cores. */
const SCAN_MS = 180_000;

/**
 * Quantises a graph to 8-bit integers: ranges from good products, then as many layers as the scores bear. Where that is not all
 * of them, layers are ranked by what each alone does to the scores, and the worst kept back until the drift is within the limit.
 */
export async function fitInt8(
  graph: OnnxGraph,
  { good, probes: images }: FitImages,
  { limit = LIMIT, scanMs = SCAN_MS, progress = () => undefined }: FitOptions = {},
): Promise<FittedInt8> {
  const layers = layersOf(graph);
  const probes = { images, scores: await scoresOf(graph, images) };
  const calibration = await calibrateRanges(graph, layers, good, probes, (done, total) =>
    progress('calibrating', done, total),
  );
  let scanned = 0;
  const rank = async () => {
    const deadline = performance.now() + scanMs;
    const ranked = await scanSensitivity(graph, layers, calibration, probes, deadline, (done, total) =>
      progress('measuring layers', done, total),
    );
    scanned = ranked.filter(({ drift }) => drift !== undefined).length;
    return ranked;
  };
  const selection = await selectLayers(graph, layers, calibration, probes, limit, rank);
  return {
    graph: selection.graph,
    ranges: calibration.method,
    layers: layers.length,
    quantised: selection.quantised.length,
    scanned,
    keptBack: selection.keptBack.map(({ layer, drift }) => ({ layer: layer.name, drift: drift ?? null })),
    drift: selection.drift,
  };
}
