import type { ResultMessage, Verdict } from '@beltsight/sdk';
import type { OutputsConfig } from '../schema.js';
import { judgeFrame, type Run } from './bad.js';
import { type Vote, vote } from './votes.js';

/** A product to take off the line. */
export interface Rejection {
  /** Results that led to it, the last one last. */
  readonly results: readonly string[];
  /** When its first frame was captured, by the clock of `performance.now()`. */
  readonly capturedMs: number;
  readonly verdict: 'reject' | 'unknown';
  readonly class: string | null;
  /** Inspection count of the last result. */
  readonly count: number | undefined;
}

/** A product that has passed the camera, for the charts. */
export interface Product {
  readonly verdict: Verdict;
  readonly class: string | null;
}

export interface Judgement {
  readonly rejection: Rejection | undefined;
  readonly finished: Product | undefined;
}

/** The product whose frames are coming in, where it has several. */
interface Current {
  readonly firstMs: number;
  lastMs: number;
  lastSequence: number;
  votes: readonly Vote[];
  class: string | null;
  /** The verdict as far as it is known: `pass` until a frame is bad often enough. */
  verdict: Verdict;
  rejected: boolean;
}

/** Turns the results of one camera into products: which of them to reject, each once. */
export class Judge {
  #run: Run;
  #last: readonly Vote[] = [];
  #current: Current | undefined;

  constructor(private readonly config: Pick<OutputsConfig, 'unknown' | 'hysteresis' | 'product'>) {}

  /** @param capturedMs when the frame was captured, by the clock of `performance.now()` */
  judge(result: ResultMessage, capturedMs: number): Judgement {
    const { product } = this.config;
    return product.by === 'frame' ? this.#single(result, capturedMs, product) : this.#oneOfSeveral(result, capturedMs);
  }

  #single(result: ResultMessage, capturedMs: number, needed: { bad: number; of: number }): Judgement {
    const bad = this.#isBad(result);
    const { last, carried } = vote(this.#last, { id: result.id, bad }, needed);
    this.#last = last;
    const finished = { verdict: finalVerdict(result.verdict, bad), class: result.class.name };
    return { rejection: carried ? rejectionOf(result, capturedMs, last) : undefined, finished };
  }

  #oneOfSeveral(result: ResultMessage, capturedMs: number): Judgement {
    const finished = this.#current && this.#isNext(this.#current, result, capturedMs) ? this.#finish() : undefined;
    const { sequence } = result.frame;
    this.#current ??= {
      firstMs: capturedMs,
      lastMs: capturedMs,
      lastSequence: sequence,
      votes: [],
      class: null,
      verdict: 'pass',
      rejected: false,
    };
    const current = this.#current;
    const needed = { bad: this.config.product.bad, of: MAX_FRAMES };
    const { last, carried } = vote(current.votes, { id: result.id, bad: this.#isBad(result) }, needed);
    Object.assign(current, { votes: last, lastMs: capturedMs, lastSequence: sequence });
    current.class = result.class.name ?? current.class;
    if (!carried || current.rejected) return { rejection: undefined, finished };
    current.rejected = true;
    current.verdict = result.verdict === 'unknown' ? 'unknown' : 'reject';
    return { rejection: rejectionOf(result, current.firstMs, last), finished };
  }

  #isBad(result: ResultMessage): boolean {
    const { bad, run } = judgeFrame({ ...result, class: result.class.name }, this.#run, this.config);
    this.#run = run;
    return bad;
  }

  #isNext({ lastSequence, lastMs }: Current, { frame: { sequence } }: ResultMessage, capturedMs: number): boolean {
    const { product } = this.config;
    if (product.by === 'gap') return capturedMs - lastMs > product.gapMs;
    if (product.by === 'frame') return true;
    // By the camera's own numbers: frames that were dropped leave the others with their product.
    const group = (number: number) => Math.floor(number / product.frames);
    return sequence <= lastSequence || group(sequence) !== group(lastSequence);
  }

  #finish(): Product | undefined {
    const current = this.#current;
    this.#current = undefined;
    this.#run = undefined;
    return current && { verdict: current.verdict, class: current.class };
  }
}

/** More frames than this of one product: the oldest do not vote. */
const MAX_FRAMES = 1000;

/** An unknown product stays unknown for the charts; a frame that a run keeps bad counts as rejected. */
const finalVerdict = (verdict: Verdict, bad: boolean): Verdict =>
  verdict === 'unknown' ? verdict : bad ? 'reject' : 'pass';

function rejectionOf(result: ResultMessage, capturedMs: number, votes: readonly Vote[]): Rejection {
  return {
    results: votes.filter(({ bad }) => bad).map(({ id }) => id),
    capturedMs,
    verdict: result.verdict === 'unknown' ? 'unknown' : 'reject',
    class: result.class.name,
    count: result.count,
  };
}
