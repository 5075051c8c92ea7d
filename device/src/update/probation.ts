import type { ResultMessage } from '@beltsight/sdk';
import type { Baseline } from './store/record.js';

export interface ProbationLimits {
  /** Results after which a model is judged, at the earliest. */
  readonly frames: number;
  /** Time after which, at the earliest. */
  readonly minutes: number;
  /** Median latency may be so many times that of the model before. */
  readonly latencyFactor: number;
  /** Share of products that may be rejected beyond what is usual, before chance is ruled out. */
  readonly excessRejects: number;
  /** Failed inferences that are too many. */
  readonly failures: number;
}

/** What a new model is compared with. */
export interface Expected {
  /** What the model before did; null where it has inspected too little. */
  readonly before: Baseline | null;
  /** The share of good products that the calibration of the new model lets be rejected. */
  readonly falseRejectRate: number;
}

export type Judgement = { readonly verdict: 'wait' } | { readonly verdict: 'confirm' } | Condemned;
interface Condemned {
  readonly verdict: 'condemn';
  readonly reason: string;
}

/** Standard deviations beyond which chance is no explanation: once in 30,000 probations. */
const CERTAIN = 4;
/** The last so many results say what is usual. */
const RECENT = 500;
/** Fewer results say nothing of a rate. */
const ENOUGH = 20;
/** Mean p-value of good products is a half; a model whose passes are all but unlike its calibration has drifted. */
const DRIFTED = 0.3;
/** Who inspects for so long has stayed up. What fails sooner, as by memory that runs out, shows in the count of starts. */
const UP_MS = 600_000;
/** Latency that nobody would notice, in milliseconds. */
const UNNOTICED_MS = 20;

/**
 * Watches a new model until it has proved itself: it must inspect without failures, about as fast as the one before, reject about as much, and give
 * products that pass about the scores that its calibration has seen.
 */
export class Probation {
  #results = 0;
  #rejects = 0;
  #failures = 0;
  readonly #pValues = { count: 0, sum: 0 };
  /** What it does itself. */
  readonly usual = new Usual();

  constructor(
    private readonly limits: ProbationLimits,
    private readonly expected: Expected,
    private readonly sinceMs: number,
  ) {}

  failure(): void {
    this.#failures++;
  }

  result(result: Pick<ResultMessage, 'verdict' | 'pValue' | 'latencyMs'>): void {
    const { verdict, pValue } = result;
    this.#results++;
    this.usual.result(result);
    if (verdict !== 'pass') this.#rejects++;
    else if (pValue !== null) {
      this.#pValues.count++;
      this.#pValues.sum += pValue;
    }
  }

  judge(nowMs: number): Judgement {
    const { frames, minutes } = this.limits;
    const fault = this.#fault();
    if (fault) return { verdict: 'condemn', reason: fault };
    const enough = this.#results >= frames && nowMs - this.sinceMs >= minutes * 60_000;
    return { verdict: enough ? 'confirm' : 'wait' };
  }

  /** Whether the service has stayed up with it, whatever ends it later: a main switch is no fault of a model. */
  staysUp(nowMs: number): boolean {
    return this.#results >= ENOUGH && this.#failures === 0 && nowMs - this.sinceMs >= UP_MS;
  }

  #fault(): string | undefined {
    const { failures, excessRejects, latencyFactor } = this.limits;
    if (this.#failures >= failures) return `${this.#failures} frames could not be inspected`;
    const { before, falseRejectRate } = this.expected;
    const now = this.usual.baseline;
    if (now === null) return undefined;
    const usual = Math.max(before?.rejectRate ?? 0, falseRejectRate) + excessRejects;
    const rate = this.#rejects / this.#results;
    const chance = CERTAIN * Math.sqrt((usual * (1 - Math.min(usual, 1))) / this.#results);
    if (rate > usual + chance) {
      return `${percent(rate)} of ${this.#results} products were rejected, where ${percent(usual)} are usual`;
    }
    const { count, sum } = this.#pValues;
    // The mean of n uniform values has a standard deviation of 1 / sqrt(12 n).
    const drift = count >= ENOUGH ? (0.5 - sum / count) * Math.sqrt(12 * count) : 0;
    if (drift > CERTAIN && sum / count < DRIFTED) {
      return `products that pass score far higher than in calibration (mean p-value ${(sum / count).toFixed(2)})`;
    }
    if (before !== null && now.latencyMs > before.latencyMs * latencyFactor + UNNOTICED_MS) {
      return `a result takes ${now.latencyMs.toFixed(0)} ms, where ${before.latencyMs.toFixed(0)} ms were usual`;
    }
    return undefined;
  }
}

/** Sees what a model does. */
export class Usual {
  readonly #recent: { latencyMs: number; reject: boolean }[] = [];

  result({ verdict, latencyMs }: Pick<ResultMessage, 'verdict' | 'latencyMs'>): void {
    this.#recent.push({ latencyMs, reject: verdict !== 'pass' });
    if (this.#recent.length > RECENT) this.#recent.shift();
  }

  /** Of the last results; null where there are too few. */
  get baseline(): Baseline | null {
    const recent = this.#recent;
    if (recent.length < ENOUGH) return null;
    const rejects = recent.filter(({ reject }) => reject).length;
    const latencyMs = median(recent.map((each) => each.latencyMs));
    return { latencyMs, rejectRate: rejects / recent.length };
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
