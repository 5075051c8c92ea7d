/** One row of a histogram: samples from `fromMs` up to, but not with, `toMs`. */
interface Bucket {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** Figures of one stage; percentiles are exact, over all samples. */
export interface Latency {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly histogram: readonly Bucket[];
}

/** Buckets from 1 to 10 ms, and as many to every other power of ten. */
const BUCKETS_A_DECADE = 10;

/** @param samplesMs at least one */
export function latencyOf(samplesMs: readonly number[]): Latency {
  const sorted = Float64Array.from(samplesMs).sort();
  return {
    count: sorted.length,
    meanMs: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    p50Ms: percentile(sorted, 0.5),
    p90Ms: percentile(sorted, 0.9),
    p99Ms: percentile(sorted, 0.99),
    maxMs: percentile(sorted, 1),
    histogram: histogramOf(sorted),
  };
}

/** Nearest rank: the smallest sample that at least this share of all samples does not exceed. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
}

/** Logarithmic, from the bucket of the smallest sample to that of the largest. */
function histogramOf(sorted: Float64Array): Bucket[] {
  const [first, last] = [bucketOf(sorted[0] as number), bucketOf(sorted[sorted.length - 1] as number)];
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const value of sorted) counts[bucketOf(value) - first] = (counts[bucketOf(value) - first] as number) + 1;
  return counts.map((count, i) => ({ fromMs: edge(first + i), toMs: edge(first + i + 1), count }));
}

/** A clock of microseconds knows nothing shorter. */
const SHORTEST_MS = 1e-3;
const bucketOf = (ms: number) => Math.floor(Math.log10(Math.max(ms, SHORTEST_MS)) * BUCKETS_A_DECADE);
const edge = (bucket: number) => 10 ** (bucket / BUCKETS_A_DECADE);
