import { SingleBar } from 'cli-progress';
import type { Losses } from './engine.js';
import type { EpochSummary, Reporter } from './loop.js';

/** Progress for people: a bar on a terminal, a line an epoch elsewhere. */
export function terminalReporter(output: NodeJS.WriteStream, epochs: number, batch: number): Reporter {
  return output.isTTY ? new BarReporter(output, epochs, batch) : new LineReporter(output, epochs);
}

const shorten = (losses: Losses) =>
  (['kd', 'local', 'global'] as const)
    .filter((term) => term === 'kd' || losses[term] !== 0)
    .map((term) => `${term} ${losses[term].toFixed(3)}`)
    .join('  ');

function summaryLine(
  { epoch, heldOutLoss, best, losses, imagesPerSecond, idleShare }: EpochSummary,
  epochs: number,
): string {
  const mark = best ? ' (best so far)' : '';
  const speed = `${imagesPerSecond.toFixed(1)} images/s, waiting for data ${(idleShare * 100).toFixed(0)} %`;
  return `epoch ${epoch + 1}/${epochs}  ${shorten(losses)}  held-out ${heldOutLoss.toFixed(4)}${mark}  ${speed}`;
}

class LineReporter implements Reporter {
  constructor(
    private readonly output: NodeJS.WriteStream,
    private readonly epochs: number,
  ) {}

  epochDone(summary: EpochSummary): void {
    this.output.write(`${summaryLine(summary, this.epochs)}\n`);
  }
}

class BarReporter implements Reporter {
  #bar: SingleBar | undefined;

  constructor(
    private readonly output: NodeJS.WriteStream,
    private readonly epochs: number,
    private readonly batch: number,
  ) {}

  epochStarted(epoch: number, batches: number, done: number): void {
    const format = `epoch ${epoch + 1}/${this.epochs} {bar} {value}/{total}  {losses}  {rate} images/s  {left} left`;
    this.#bar = new SingleBar({ format, stream: this.output, hideCursor: true, barsize: 24, clearOnComplete: true });
    this.#bar.start(batches, done, { losses: '', rate: '-', left: '-' });
  }

  stepDone(epoch: number, batch: number, losses: Losses, imagesPerSecond: number): void {
    const batches = this.#bar?.getTotal() ?? batch;
    const images = ((this.epochs - epoch) * batches - batch) * this.batch;
    const seconds = imagesPerSecond > 0 ? images / imagesPerSecond : 0;
    this.#bar?.update(batch, { losses: shorten(losses), rate: imagesPerSecond.toFixed(1), left: duration(seconds) });
  }

  epochDone(summary: EpochSummary): void {
    this.ended();
    this.output.write(`${summaryLine(summary, this.epochs)}\n`);
  }

  /** Its timer would keep the process alive. */
  ended(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
