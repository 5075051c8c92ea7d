import type { Worker } from 'node:worker_threads';
import { errorOf, type FromThread, type Prepared, type ToThread } from './protocol.js';

interface Waiting {
  resolve(prepared: Prepared): void;
  reject(error: Error): void;
}

type Order = Omit<Extract<ToThread, { type: 'prepare' }>, 'type' | 'id'>;

/** One thread and what it was asked for. */
export class ThreadLink {
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #failure: Error | undefined;
  #over = false;
  #next = 0;

  constructor(private readonly worker: Worker) {
    worker.on('message', (message: FromThread) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.type === 'prepared') waiting?.resolve(message.prepared);
      else waiting?.reject(errorOf(message.error));
    });
    worker.on('error', (cause) => {
      const { message } = cause as Error;
      this.#failure ??= new Error(`A thread that prepares images ended: ${message}`, { cause });
    });
    this.#ended = new Promise<void>((resolve) => worker.once('exit', () => resolve())).then(() => {
      this.#over = true;
      for (const { reject } of this.#waiting.values()) reject(this.#failure ?? closed());
      this.#waiting.clear();
    });
  }

  /** Orders that have not been answered yet. */
  get load(): number {
    return this.#waiting.size;
  }

  prepare(order: Order): Promise<Prepared> {
    if (this.#over) return Promise.reject(this.#failure ?? closed());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ type: 'prepare', id, ...order });
    });
  }

  /** Lets the thread end by itself: one that is terminated within ONNX Runtime takes the process with it. */
  async close(): Promise<void> {
    if (!this.#over) this.#send({ type: 'close' });
    await this.#ended;
  }

  #send(message: ToThread): void {
    this.worker.postMessage(message);
  }
}

const closed = () => new Error('Images were asked for after the threads that prepare them had been closed.');
