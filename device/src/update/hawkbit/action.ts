import type { UpdateStateMessage } from '@beltsight/sdk';
import type { Feedback } from './ddi.js';
import { feedbackOf } from './progress.js';
import type { releaseOf } from './release.js';

/** hawkBit takes a limited number of messages for an action (1000 as it comes); the one that ends it always finds room. */
const MOST_MESSAGES = 200;

/** An open action of hawkBit: what it wants, and what it was told. */
export class Action {
  /** What it wants; undefined if that is no release. */
  readonly release: string | undefined;
  #told = '';
  #messages = 0;

  /** @param fresh whether the release was not wanted before: what the updater said of it until now is about an earlier attempt */
  constructor(
    readonly id: number,
    private readonly chosen: ReturnType<typeof releaseOf>,
    private fresh: boolean,
  ) {
    this.release = 'release' in chosen ? chosen.release : undefined;
  }

  /** Hears a state of the updater. */
  state({ state }: UpdateStateMessage): void {
    // Every look begins with another state.
    if (state !== 'idle' && state !== 'failed') this.fresh = true;
  }

  /**
   * What hawkBit does not know yet.
   * @param wanted whether the updater has been told to take the release
   * @param last what it said last
   */
  news(wanted: boolean, last: UpdateStateMessage | undefined): Feedback | undefined {
    const feedback = this.#feedback(wanted, last);
    if (!feedback || JSON.stringify(feedback) === this.#told) return undefined;
    return feedback.execution === 'closed' || this.#messages < MOST_MESSAGES ? feedback : undefined;
  }

  told(feedback: Feedback): void {
    this.#told = JSON.stringify(feedback);
    this.#messages++;
  }

  #feedback(wanted: boolean, last: UpdateStateMessage | undefined): Feedback | undefined {
    // Not `rejected`: hawkBit would keep the action open for ever.
    if ('problem' in this.chosen) return { execution: 'closed', finished: 'failure', detail: this.chosen.problem };
    if (!wanted) return { execution: 'scheduled', finished: 'none', detail: 'It waits for the word to fetch.' };
    return last && feedbackOf({ release: this.chosen.release, fresh: this.fresh }, last);
  }
}
