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

  constructor(
    readonly id: number,
    private readonly chosen: ReturnType<typeof releaseOf>,
  ) {
    this.release = 'release' in chosen ? chosen.release : undefined;
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
    const { release } = this.chosen;
    return last && feedbackOf({ release, fresh: last.rollout?.id === rolloutOf(this.id) }, last);
  }
}

/** By this the updater's states show for which action they are. */
export function rolloutOf(id: number): string {
  return `hawkbit-${id}`;
}
