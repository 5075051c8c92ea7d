import { open, truncate } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { writeFailed } from './atomic.js';
import { NO_LOSSES, type Progress, writeCheckpoint, writeWeights } from './checkpoint.js';
import type { Losses, TrainingEngine } from './engine.js';
import { type BatchSequence, Prefetch } from './prefetch.js';

/** What the loop trains on. */
export interface TrainingData extends BatchSequence {
  /** Held-out images of all classes, [count,S,S,3]. */
  heldOut(): Promise<{ readonly pixels: Uint8Array; readonly count: number }>;
}

export interface LoopOptions {
  readonly epochs: number;
  readonly patience: number;
  readonly batch: number;
  readonly checkpointMs: number;
  readonly files: { readonly metrics: string; readonly checkpoint: string; readonly best: string };
  /** Whether what the engine starts with is a trained model, which the epochs must beat. */
  readonly startCounts?: boolean;
  /** Keep the weights of the last epoch instead of those with the lowest held-out loss, and run to the end. */
  readonly keepLast?: boolean;
  /** Set to stop after the running step. */
  readonly signal: AbortSignal;
  readonly now?: () => number;
  readonly report: Reporter;
}

/** Hears what happens, for people. */
export interface Reporter {
  epochStarted?(epoch: number, batches: number, done: number): void;
  stepDone?(epoch: number, batch: number, losses: Losses, imagesPerSecond: number): void;
  epochDone?(summary: EpochSummary): void;
  /** However it ended: nothing more is heard. */
  ended?(): void;
}

export interface EpochSummary {
  readonly epoch: number;
  readonly heldOutLoss: number;
  readonly best: boolean;
  readonly losses: Losses;
  readonly imagesPerSecond: number;
  /** Share of the epoch in which the engine waited for data. */
  readonly idleShare: number;
}

/** How a loop ended. `interrupted`: the signal stopped it; it can go on from its checkpoint. */
export type LoopEnd = 'finished' | 'interrupted';

/**
 * Trains from `start` to the last epoch, to patience's end, or until the signal. Goes on from any checkpoint with the
 * same bits as without the stop: `best` is written before the checkpoint that refers to it, and metrics behind
 * the checkpoint are cut off.
 */
export async function trainLoop(
  engine: TrainingEngine,
  data: TrainingData,
  start: Progress,
  options: LoopOptions,
): Promise<{ end: LoopEnd; progress: Progress }> {
  const { files, signal, report, now = performance.now.bind(performance) } = options;
  const metrics = await MetricsFile.open(files.metrics, start.metricsBytes);
  let progress = start;
  const checkpoint = async (next: Omit<Progress, 'metricsBytes'>) => {
    progress = { ...next, metricsBytes: await metrics.flush() };
    await writeCheckpoint(files.checkpoint, engine.state(), progress);
  };
  try {
    const heldOut = await data.heldOut();
    const validate = async () => mean(await engine.validate(heldOut.pixels, heldOut.count));
    const keepBest = (epoch: number, heldOutLoss: number) =>
      writeWeights(files.best, engine.state(), { epoch: `${epoch}`, heldOutLoss: `${heldOutLoss}` });
    if (options.startCounts && start.step === 0) {
      const bestLoss = await validate();
      await keepBest(-1, bestLoss);
      progress = { ...progress, bestLoss };
    }
    const ahead = new Prefetch(data, progress, options.epochs);
    while (!progress.finished) {
      const { epoch } = progress;
      const count = data.batches(epoch);
      report.epochStarted?.(epoch, count, progress.batch);
      const clock = new EpochClock(now);
      let lastCheckpoint = now();
      for (let index = progress.batch; index < count; index++) {
        const batch = await clock.waiting(ahead.next());
        const losses = await clock.computing(engine.step(batch));
        const lossSums = mapLosses(progress.lossSums, (sum, key) => sum + losses[key]);
        progress = { ...progress, batch: index + 1, step: progress.step + 1, lossSums };
        requireFinite(losses, progress.step);
        await metrics.write({ type: 'step', epoch, step: progress.step, ...losses });
        report.stepDone?.(epoch, index + 1, losses, clock.rate(options.batch));
        const stop = signal.aborted;
        if (stop || now() - lastCheckpoint > options.checkpointMs) {
          await checkpoint(progress);
          lastCheckpoint = now();
        }
        if (stop) return { end: 'interrupted', progress };
      }
      const heldOutLoss = await validate();
      const best = options.keepLast === true || progress.bestLoss === null || heldOutLoss < progress.bestLoss;
      if (best) {
        await keepBest(epoch, heldOutLoss);
        progress = { ...progress, bestEpoch: epoch, bestLoss: heldOutLoss };
      }
      const losses = mapLosses(progress.lossSums, (sum) => sum / Math.max(1, progress.batch));
      const summary = {
        epoch,
        heldOutLoss,
        best,
        losses,
        imagesPerSecond: clock.rate(options.batch),
        idleShare: clock.idle(),
      };
      // No times in the file: a run is reproducible to the bit.
      await metrics.write({ type: 'epoch', epoch, heldOutLoss, best, ...losses });
      report.epochDone?.(summary);
      const patient = epoch - (progress.bestEpoch ?? -1) < options.patience;
      const finished = epoch + 1 >= options.epochs || !patient;
      await checkpoint({ ...progress, epoch: epoch + 1, batch: 0, lossSums: NO_LOSSES, finished });
      if (signal.aborted && !progress.finished) return { end: 'interrupted', progress };
    }
    return { end: 'finished', progress };
  } finally {
    report.ended?.();
    await metrics.close();
  }
}

function requireFinite(losses: Losses, step: number): void {
  if (Number.isFinite(losses.total) && Number.isFinite(losses.gradientNorm)) return;
  throw new BeltsightError(
    'RUN_INVALID',
    `The loss is no longer a number at step ${step}: lower the learning rates (learningRates in --config) and start again.`,
  );
}

const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function mapLosses(losses: Losses, fn: (value: number, key: keyof Losses) => number): Losses {
  const entries = (Object.keys(losses) as (keyof Losses)[]).map((key) => [key, fn(losses[key], key)] as const);
  return Object.fromEntries(entries) as unknown as Losses;
}

/** Time spent computing and waiting for data within an epoch. */
class EpochClock {
  #waited = 0;
  #computed = 0;
  #steps = 0;

  constructor(private readonly now: () => number) {}

  async waiting<T>(work: Promise<T>): Promise<T> {
    const since = this.now();
    const result = await work;
    this.#waited += this.now() - since;
    return result;
  }

  async computing<T>(work: Promise<T>): Promise<T> {
    const since = this.now();
    const result = await work;
    this.#computed += this.now() - since;
    this.#steps++;
    return result;
  }

  rate(batch: number): number {
    return (this.#steps * batch * 1000) / Math.max(1, this.#waited + this.#computed);
  }

  idle(): number {
    return this.#waited / Math.max(1, this.#waited + this.#computed);
  }
}

/** metrics.jsonl: appended to, and cut back to what a checkpoint vouches for. */
class MetricsFile {
  #bytes: number;

  private constructor(
    private readonly file: string,
    private readonly handle: Awaited<ReturnType<typeof open>>,
    bytes: number,
  ) {
    this.#bytes = bytes;
  }

  static async open(file: string, bytes: number): Promise<MetricsFile> {
    try {
      const handle = await open(file, 'a');
      await truncate(file, bytes);
      return new MetricsFile(file, handle, bytes);
    } catch (cause) {
      throw writeFailed(file, cause);
    }
  }

  async write(entry: object): Promise<void> {
    const line = `${JSON.stringify(entry)}\n`;
    await this.handle.write(line).catch((cause) => {
      throw writeFailed(this.file, cause);
    });
    this.#bytes += Buffer.byteLength(line);
  }

  /** Makes what was written durable and returns its size. */
  async flush(): Promise<number> {
    await this.handle.sync().catch((cause) => {
      throw writeFailed(this.file, cause);
    });
    return this.#bytes;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
