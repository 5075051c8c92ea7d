import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What takes time on the way of a frame. `publish`: from the socket to the broker's acknowledgement, at QoS 1. */
const STAGES = ['preprocess', 'model', 'decide', 'capture_to_result', 'publish'] as const;
export type Stage = (typeof STAGES)[number];

/** Seconds: from the decision of a small model to an emulated processor. */
const STAGE_BUCKETS = [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Closest where verdicts turn over: at 1 a product is rejected. */
const SCORE_BUCKETS = [0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5];

/** What happens on the way of frames: counted as it happens. Everything else is read when it is asked for (gauges.ts). */
export class Instruments {
  readonly results: Counter<'camera' | 'class' | 'verdict'>;
  readonly #stages: Histogram<'stage'>;
  readonly #scores: Histogram<'class'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.results = new Counter({
      name: 'beltsight_results_total',
      help: 'Inspected frames by camera, product class and verdict (pass, reject, unknown).',
      labelNames: ['camera', 'class', 'verdict'],
      registers,
    });
    this.#stages = new Histogram({
      name: 'beltsight_stage_duration_seconds',
      help: 'Time that a stage of a frame took: preprocess, model, decide; capture_to_result, from the capture to the result; publish, from the socket to the acknowledgement of the broker at QoS 1.',
      labelNames: ['stage'],
      buckets: STAGE_BUCKETS,
      registers,
    });
    this.#scores = new Histogram({
      name: 'beltsight_score_threshold_ratio',
      help: 'Anomaly score divided by the threshold of the product class: from 1 on a product is rejected. Unknown products have no threshold and are left out.',
      labelNames: ['class'],
      buckets: SCORE_BUCKETS,
      registers,
    });
  }

  /** Makes series exist from the start: a rate over one that appears with its first count misses that count. */
  expect(cameras: readonly string[], classes: readonly string[]): void {
    for (const stage of STAGES) this.#stages.zero({ stage });
    for (const name of classes) this.#scores.zero({ class: name });
    for (const camera of cameras) {
      for (const name of classes) {
        for (const verdict of ['pass', 'reject'] as const) this.results.inc({ camera, class: name, verdict }, 0);
      }
      this.results.inc({ camera, class: '', verdict: 'unknown' }, 0);
    }
  }

  stage(stage: Stage, ms: number): void {
    this.#stages.observe({ stage }, ms / 1000);
  }

  score(name: string, ratio: number): void {
    this.#scores.observe({ class: name }, ratio);
  }
}

/** A registry with one gauge or counter for each reading: `read` is called at every scrape. */
export function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: () => Iterable<readonly [labels: Partial<Record<L, string>>, value: number]>,
): void {
  new Gauge<L>({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      // Reset is 0 where there are no labels; what is not known is not there.
      if (labelNames.length === 0) this.remove();
      for (const [labels, value] of read()) this.set(labels as Record<L, string>, value);
    },
  });
}

/** A counter whose value somebody else keeps. */
export function counter<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: () => Iterable<readonly [labels: Partial<Record<L, string>>, value: number]>,
): void {
  new Counter<L>({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels as Record<L, string>, value);
    },
  });
}
