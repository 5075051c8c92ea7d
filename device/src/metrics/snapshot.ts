import type { StatusMessage, Verdict } from '@beltsight/sdk';
import type { Readings } from './gauges.js';
import type { Stage } from './instruments.js';
import { type Percentiles, Recent } from './recent.js';

/** The figures of a status message. */
export type MetricsStatus = NonNullable<StatusMessage['metrics']>;

/** Percentiles are those of the last half to whole of this. */
const SPAN_MS = 10 * 60_000;
/** Milliseconds, and shares of a threshold, that make no difference. */
const [TIME_STEP, RATIO_STEP] = [0.01, 0.001];

/** Keeps what a status says in few numbers: percentiles of the last minutes, and counts since the start. */
export class Snapshots {
  readonly #stages = new Map<Stage, Recent>();
  /** By class; the bundle bounds them. */
  readonly #scores = new Map<string, Recent>();
  readonly #results: Record<Verdict, number> = { pass: 0, reject: 0, unknown: 0 };
  #processor = { at: performance.now(), usedMs: processorMs() };

  stage(stage: Stage, ms: number): void {
    recentOf(this.#stages, stage, TIME_STEP).record(ms);
  }

  score(name: string, ratio: number): void {
    recentOf(this.#scores, name, RATIO_STEP).record(ratio);
  }

  result(verdict: Verdict): void {
    this.#results[verdict]++;
  }

  take({ cameras, skipped, publisher, temperatures, eventLoop }: Readings): MetricsStatus {
    const { connected: _, reconnects, waiting, dropped } = publisher();
    const all = cameras();
    const sum = (of: (camera: (typeof all)[number]) => number) => all.reduce((total, camera) => total + of(camera), 0);
    return {
      stages: percentilesOf(this.#stages, ({ count, p50, p99 }) => ({ count, p50Ms: round(p50), p99Ms: round(p99) })),
      scores: percentilesOf(this.#scores, ({ count, p50, p99 }) => ({ count, p50: round(p50), p99: round(p99) })),
      results: { ...this.#results },
      dropped: {
        overtaken: sum((camera) => camera.dropped),
        paused: sum((camera) => skipped(camera.name)),
        untriggered: sum(({ untriggered = 0 }) => untriggered),
        ...dropped,
      },
      waiting,
      reconnects,
      temperatures: Object.fromEntries(temperatures().map(({ name, celsius }) => [name, round(celsius)])),
      processor: round(this.#processorShare()),
      memoryBytes: process.memoryUsage.rss(),
      eventLoopP99Ms: round(eventLoop().p99Ms),
    };
  }

  /** Of one core, since the last call; calls within a second get the share of a longer time. */
  #processorShare(): number {
    const [now, usedMs] = [performance.now(), processorMs()];
    const { at, usedMs: before } = this.#processor;
    if (now - at > 1000) this.#processor = { at: now, usedMs };
    return now > at ? (usedMs - before) / (now - at) : 0;
  }
}

function recentOf<K>(all: Map<K, Recent>, key: K, step: number): Recent {
  const known = all.get(key) ?? new Recent(SPAN_MS, step);
  all.set(key, known);
  return known;
}

function percentilesOf<K extends string, T>(
  all: ReadonlyMap<K, Recent>,
  shape: (of: Percentiles) => T,
): Record<string, T> {
  const entries = [...all].flatMap(([key, recent]) => {
    const { percentiles } = recent;
    return percentiles ? [[key, shape(percentiles)] as const] : [];
  });
  return Object.fromEntries(entries);
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Three digits are more than such figures are worth. */
const round = (value: number): number => Number(value.toPrecision(3));
