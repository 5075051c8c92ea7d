import jStat from 'jstat';

/** Lower and upper end, both included. */
export type Interval = readonly [low: number, high: number];

/** Every interval of a report covers so much. */
export const LEVEL = 0.95;

const TAIL = (1 - LEVEL) / 2;

/** Central 95 % of Beta(alpha, beta). */
export function betaInterval(alpha: number, beta: number): Interval {
  return [jStat.beta.inv(TAIL, alpha, beta), jStat.beta.inv(1 - TAIL, alpha, beta)];
}

/**
 * The exact 95 % interval for a probability of which `hits` of `trials` were seen; [0, 1] without trials.
 * Source: C. Clopper, E. Pearson, The use of confidence or fiducial limits (1934).
 */
export function clopperPearson(hits: number, trials: number): Interval {
  const low = hits === 0 ? 0 : jStat.beta.inv(TAIL, hits, trials - hits + 1);
  const high = hits === trials ? 1 : jStat.beta.inv(1 - TAIL, hits + 1, trials - hits);
  return [low, high];
}
