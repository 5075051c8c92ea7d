import type { Worker } from 'node:worker_threads';
import { errorOf, V4l2Error } from '../errors.js';
import type { FromThread, Opened, ThreadCall, ThreadCalls, ToThread } from './protocol.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: V4l2Error): void;
}

/** The consumer's end of the capture thread. */
export class Link {
  /** Fulfilled once the thread is gone: with what it failed of, or undefined if it was told to end. */
  readonly ended: Promise<V4l2Error | undefined>;
  /** Fulfilled with the stream, or rejected with why there is none. */
  readonly opened: Promise<Opened>;
  readonly #calls = new Map<number, Waiting>();
  #failure: V4l2Error | undefined;
  #next = 0;
  #over = false;

  constructor(
    private readonly worker: Worker,
    onFrame: () => void,
  ) {
    this.opened = new Promise((resolve, reject) => {
      worker.on('message', (message: FromThread) => {
        if (message.type === 'frame') onFrame();
        else if (message.type === 'opened') resolve(message.opened);
        else if (message.type === 'failed') this.#failure = errorOf(message.error);
        else this.#settle(message);
      });
      worker.once('exit', () => reject(this.#failure ?? closed()));
    });
    // Whoever opens the camera hears of it; who only waits for the end does not have to.
    this.opened.catch(() => undefined);
    worker.on('error', (cause) => {
      this.#failure ??= new V4l2Error('V4L2_FAILED', `The capture thread ended: ${(cause as Error).message}.`, {
        cause,
      });
    });
    this.ended = new Promise<void>((resolve) => worker.once('exit', () => resolve())).then(() => {
      this.#over = true;
      for (const { reject } of this.#calls.values()) reject(this.#failure ?? closed());
      this.#calls.clear();
      return this.#failure;
    });
  }

  call<M extends ThreadCall>(method: M, ...args: Parameters<ThreadCalls[M]>): Promise<ReturnType<ThreadCalls[M]>> {
    if (this.#over) return Promise.reject(this.#failure ?? closed());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.#send({ type: 'call', id, method, args });
    });
  }

  /** Tells the thread to end. */
  close(): void {
    this.#send({ type: 'close' });
  }

  #send(message: ToThread): void {
    this.worker.postMessage(message);
  }

  #settle(message: Extract<FromThread, { type: 'answer' | 'refusal' }>): void {
    const waiting = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.type === 'answer') waiting?.resolve(message.value);
    else waiting?.reject(errorOf(message.error));
  }
}

const closed = () => new V4l2Error('V4L2_STATE', 'The camera was closed: open it anew.');
