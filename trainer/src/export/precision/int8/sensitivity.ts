import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { type Drift, driftOf, scoresOf } from '../drift.js';
import type { Layer } from './layers.js';
import { quantise } from './quantise.js';
import type { Calibration, Probes } from './ranges.js';

/** A layer with the mean drift of scores when it alone is quantised. */
export interface Sensitivity {
  readonly layer: Layer;
  /** Undefined where time was up before it was its turn. */
  readonly drift: number | undefined;
}

/** Milliseconds on a clock; tests bring their own. */
export type Clock = () => number;

/**
 * Quantises each layer alone and measures what that does to the scores. Most sensitive first; layers that time did not suffice for
 * come last.
 * @param deadline on the clock
 */
export async function scanSensitivity(
  graph: OnnxGraph,
  layers: readonly Layer[],
  { ranges }: Calibration,
  probes: Probes,
  deadline: number,
  tick: (done: number, total: number) => void = () => undefined,
  clock: Clock = () => performance.now(),
): Promise<Sensitivity[]> {
  const found: Sensitivity[] = [];
  for (const [i, layer] of layers.entries()) {
    const late = clock() > deadline;
    const scores = late ? undefined : await scoresOf(quantise(graph, [layer], ranges), probes.images);
    found.push({ layer, drift: scores && driftOf(probes.scores, scores).mean });
    if (!late) tick(i + 1, layers.length);
  }
  return found.sort((a, b) => (b.drift ?? -1) - (a.drift ?? -1));
}

export interface Selection {
  readonly quantised: readonly Layer[];
  /** In order of their sensitivity. */
  readonly keptBack: readonly Sensitivity[];
  readonly graph: OnnxGraph;
  /** Drift of the graph on the probes. */
  readonly drift: Drift;
}

/**
 * Keeps back as few layers as it takes for the drift of all scores to stay within the limit, greedily in order of sensitivity.
 * How many is found by bisection, as fewer quantised layers drift less but for noise: some seven graphs are tried, not
 * one a layer.
 * @param rank the layers by sensitivity; asked for only where they cannot all be quantised
 */
export async function selectLayers(
  graph: OnnxGraph,
  layers: readonly Layer[],
  { ranges }: Calibration,
  probes: Probes,
  limit: Drift,
  rank: () => Promise<readonly Sensitivity[]>,
): Promise<Selection> {
  const attempt = async (quantised: readonly Layer[], keptBack: readonly Sensitivity[]): Promise<Selection> => {
    const candidate = quantise(graph, quantised, ranges);
    const drift = driftOf(probes.scores, await scoresOf(candidate, probes.images));
    return { quantised, keptBack, graph: candidate, drift };
  };
  const fits = ({ drift }: Selection) => drift.mean <= limit.mean && drift.max <= limit.max;
  const all = await attempt(layers, []);
  if (fits(all)) return all;
  const ranked = await rank();
  const keeping = (count: number) =>
    attempt(
      ranked.slice(count).map(({ layer }) => layer),
      ranked.slice(0, count),
    );
  // Nothing quantised always fits: that is the graph itself.
  let [tooFew, enough] = [0, ranked.length];
  let best = await keeping(enough);
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const tried = await keeping(middle);
    if (fits(tried)) [enough, best] = [middle, tried];
    else tooFew = middle;
  }
  return best;
}
