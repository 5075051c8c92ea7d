import { BeltsightError, type ResultMessage } from '@beltsight/sdk';
import { Condition } from '../condition.js';

export interface TriggerLimits {
  /** From a request to its result, at most. */
  readonly timeoutMs: number;
  /** Requests that wait or are in work, at most. */
  readonly pending: number;
  /** A frame may be so much older than the request; 0: it was captured after it. */
  readonly maxAgeMs: number;
}

/** A request that has got its frame: it waits for the verdict. */
export interface Shot {
  /** Whether it still waits; not so after its time is up. */
  readonly live: boolean;
  settle(result: ResultMessage): void;
  fail(error: unknown): void;
}

interface Request extends Shot {
  readonly arrivedMs: number;
  live: boolean;
  /** Whether frames came meanwhile that were captured too early. */
  stale: boolean;
  claimed: boolean;
}

/**
 * Requests to inspect one frame each, first come, first served. Bounded in number and time. Two requests get two frames, also when both wait.
 */
export class TriggerQueue {
  readonly #waiting: Request[] = [];
  readonly #all = new Set<Request>();
  /** Says that a request has come. */
  readonly asked = new Condition();

  /** @param now milliseconds of the clock that frames are stamped with */
  constructor(
    private readonly camera: string,
    private readonly limits: TriggerLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether a request waits for a frame. */
  get wanted(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Has the next frame inspected.
   * @throws BeltsightError COMMAND_BUSY if too many requests wait already, COMMAND_TIMEOUT if there was no result in time, COMMAND_FAILED or
   * whatever kept the frame from being inspected
   */
  request(): Promise<ResultMessage> {
    const { pending, timeoutMs } = this.limits;
    if (this.#all.size >= pending) {
      const message = `Camera "${this.camera}" has ${pending} triggers in work: wait for their replies, or raise commands.trigger.pending.`;
      return Promise.reject(new BeltsightError('COMMAND_BUSY', message));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => request.fail(this.#timedOut(request)), timeoutMs);
      const over = () => {
        request.live = false;
        clearTimeout(timer);
        this.#all.delete(request);
        const place = this.#waiting.indexOf(request);
        if (place >= 0) this.#waiting.splice(place, 1);
      };
      const request: Request = {
        arrivedMs: this.now(),
        live: true,
        stale: false,
        claimed: false,
        settle: (result) => {
          over();
          resolve(result);
        },
        fail: (error) => {
          over();
          reject(error);
        },
      };
      this.#all.add(request);
      this.#waiting.push(request);
      this.asked.changed();
    });
  }

  /** The request that a frame captured at that time is for, taken off the queue; undefined: nobody asked for this frame. */
  claim(capturedMs: number): Shot | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    // Of the same millisecond nobody knows which came first.
    if (capturedMs <= first.arrivedMs - this.limits.maxAgeMs) return undefined;
    first.claimed = true;
    return this.#waiting.shift();
  }

  /** A frame has come that no request can have. */
  passBy(): void {
    for (const request of this.#waiting) request.stale = true;
  }

  /** Answers all requests with the error: nobody will inspect for them. */
  cancel(error: BeltsightError): void {
    for (const request of [...this.#all]) request.fail(error);
  }

  #timedOut({ claimed, stale }: Request): BeltsightError {
    const { timeoutMs } = this.limits;
    const reason = claimed
      ? 'Its frame is still in work: the model is slower than that, raise commands.trigger.timeoutMs.'
      : stale
        ? 'Its frames were captured before the trigger: the camera delivers so late.'
        : 'It gave no frame: look at its state in the status.';
    return new BeltsightError(
      'COMMAND_TIMEOUT',
      `Camera "${this.camera}" was triggered, but there was no result within ${timeoutMs} ms. ${reason}`,
    );
  }
}
