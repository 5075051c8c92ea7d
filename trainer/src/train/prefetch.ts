import type { Batch } from './engine.js';

/** The batches of a training. They depend on their arguments alone, never on what ran before. */
export interface BatchSequence {
  /** How many batches to ask for ahead, at least 1: those are in memory besides the one that is computed. */
  readonly depth: number;
  /** Number of batches of an epoch. */
  batches(epoch: number): number;
  batch(epoch: number, index: number): Promise<Batch>;
}

/** Where a run stands: the next batch of an epoch. */
interface Position {
  readonly epoch: number;
  readonly batch: number;
}

/** Batches in the order of training, asked for ahead of their use, across epochs, so that the engine finds them ready. */
export class Prefetch {
  readonly #asked: Promise<Batch>[] = [];
  #next: Position;

  /** @param epochs nothing is asked for behind this many */
  constructor(
    private readonly data: BatchSequence,
    start: Position,
    private readonly epochs: number,
  ) {
    this.#next = { epoch: start.epoch, batch: start.batch };
    this.#fill();
  }

  /** The next batch. Others are prepared while it is computed. */
  next(): Promise<Batch> {
    const batch = this.#asked.shift() as Promise<Batch>;
    this.#fill();
    return batch;
  }

  #fill(): void {
    while (this.#asked.length < this.data.depth && this.#next.epoch < this.epochs) {
      const { epoch, batch } = this.#next;
      if (batch >= this.data.batches(epoch)) {
        this.#next = { epoch: epoch + 1, batch: 0 };
        continue;
      }
      const asked = this.data.batch(epoch, batch);
      // Its failure is met where it is awaited, some steps later, or never.
      asked.catch(() => undefined);
      this.#asked.push(asked);
      this.#next = { epoch, batch: batch + 1 };
    }
  }
}
