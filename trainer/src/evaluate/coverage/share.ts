import { clopperPearson, type Interval } from './interval.js';

/** How often something happened, as a fraction of 1. */
export interface Share {
  readonly count: number;
  readonly of: number;
  /** count / of; null where nothing was tried. */
  readonly rate: number | null;
  /** Clopper-Pearson, 95 %. */
  readonly interval: Interval;
}

/** `count` of so many. */
export function shareOf(count: number, of: number): Share {
  return { count, of, rate: of === 0 ? null : count / of, interval: clopperPearson(count, of) };
}
