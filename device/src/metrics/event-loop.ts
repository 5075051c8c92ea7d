import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between looks. */
const RESOLUTION_MS = 20;
const SPAN_MS = 60_000;

/** Milliseconds by which the event loop was late. */
export interface Delay {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How late the event loop is: over the last minute or two, the worse of them. */
export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #before: Delay = { p50Ms: 0, p99Ms: 0 };
  #since = performance.now();

  start(): void {
    this.#histogram.enable();
  }

  get delay(): Delay {
    const current = delayOf(this.#histogram);
    const worse = {
      p50Ms: Math.max(current.p50Ms, this.#before.p50Ms),
      p99Ms: Math.max(current.p99Ms, this.#before.p99Ms),
    };
    if (performance.now() - this.#since > SPAN_MS) {
      this.#before = current;
      this.#since = performance.now();
      this.#histogram.reset();
    }
    return worse;
  }

  close(): void {
    this.#histogram.disable();
  }
}

/** The histogram holds times between looks, in nanoseconds; it says NaN or 0 before the first. */
function delayOf(histogram: IntervalHistogram): Delay {
  const late = (share: number) => {
    const ms = histogram.count === 0 ? 0 : histogram.percentile(share) / 1e6 - RESOLUTION_MS;
    return Math.max(0, ms);
  };
  return { p50Ms: late(50), p99Ms: late(99) };
}
