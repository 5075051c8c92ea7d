import type { Verdict } from '@beltsight/sdk';

/** What of a result decides whether its frame is bad. */
export interface Seen {
  readonly verdict: Verdict;
  readonly score: number;
  readonly threshold: number | null;
  readonly class: string | null;
}

/** A run of bad frames of one class; undefined between runs. */
export type Run = { readonly class: string | null } | undefined;

export interface BadRules {
  readonly unknown: 'reject' | 'pass';
  /** Share of the threshold by which a run ends lower than it begins, 0..1. */
  readonly hysteresis: number;
}

/**
 * Whether a frame is bad, and the run that goes on after it. A run begins at the threshold and ends below
 * `threshold * (1 - hysteresis)`, with another class, or with an unknown product.
 */
export function judgeFrame(seen: Seen, run: Run, { unknown, hysteresis }: BadRules): { bad: boolean; run: Run } {
  const { verdict, score, threshold, class: name } = seen;
  if (verdict === 'unknown' || threshold === null) return { bad: unknown === 'reject', run: undefined };
  const goesOn = run !== undefined && run.class === name;
  const bad = verdict === 'reject' || (goesOn && score >= threshold - hysteresis * Math.abs(threshold));
  return { bad, run: bad ? { class: name } : undefined };
}
