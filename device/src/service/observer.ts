import type { ResultMessage, StatusMessage } from '@beltsight/sdk';

/**
 * Something that watches a service: outputs, Sparkplug, metrics. It is told, never asked: it must return at once, keep what it
 * holds bounded, and see to its own failures.
 */
export interface ServiceObserver {
  /**
   * A frame was inspected; its messages go to the publisher after this.
   * @param heatmap PNG, where one was made
   */
  result?(result: ResultMessage, heatmap: Buffer | undefined): void;
  /** A frame could not be inspected. */
  failure?(): void;
  /** State of the device and its cameras: at every change, and every `statusSeconds`. */
  status?(status: StatusMessage): void;
  /** How long a stage of a frame took, in milliseconds. */
  stage?(stage: 'preprocess' | 'model' | 'decide', ms: number): void;
  /** The service ends: say the last word. Resolves within seconds. */
  close?(): Promise<void>;
}

/** Tells every observer; one that throws is logged and does not keep the others from hearing. */
export class Observers {
  constructor(
    private readonly observers: readonly ServiceObserver[],
    private readonly failed: (error: unknown) => void,
  ) {}

  result(...args: Parameters<NonNullable<ServiceObserver['result']>>): void {
    this.#each((observer) => observer.result?.(...args));
  }

  failure(): void {
    this.#each((observer) => observer.failure?.());
  }

  status(...args: Parameters<NonNullable<ServiceObserver['status']>>): void {
    this.#each((observer) => observer.status?.(...args));
  }

  stage(...args: Parameters<NonNullable<ServiceObserver['stage']>>): void {
    this.#each((observer) => observer.stage?.(...args));
  }

  async close(): Promise<void> {
    const closed = await Promise.allSettled(this.observers.map(async (observer) => observer.close?.()));
    for (const outcome of closed) if (outcome.status === 'rejected') this.failed(outcome.reason);
  }

  #each(tell: (observer: ServiceObserver) => void): void {
    for (const observer of this.observers) {
      try {
        tell(observer);
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
