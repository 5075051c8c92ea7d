import { BeltsightError, type RolloutMessage, rolloutSchema, rolloutTopics } from '@beltsight/sdk';
import { messageOf } from './fleet.js';
import { newest } from './revision.js';
import type { Session } from './session.js';

/**
 * The retained message of one rollout, which several may write. Of what is heard the newest holds; where an older one came to lie over it, whoever
 * sees that puts it right.
 */
export class Ledger {
  readonly topic: string;
  #current: RolloutMessage | undefined;
  /** What the broker has. */
  #there: RolloutMessage | undefined;
  /** There is something, but nothing that this version can read. */
  #unreadable = false;

  constructor(
    private readonly session: Session,
    readonly id: string,
  ) {
    this.topic = rolloutTopics(id).plan;
  }

  get current(): RolloutMessage | undefined {
    return this.#current;
  }

  get unreadable(): boolean {
    return this.#unreadable && this.#current === undefined;
  }

  hear(payload: Uint8Array): void {
    const message = messageOf(rolloutSchema, payload);
    this.#there = message?.id === this.id ? message : undefined;
    this.#unreadable = payload.length > 0 && this.#there === undefined;
    if (this.#there) this.#current = this.#current ? newest(this.#current, this.#there) : this.#there;
  }

  /** What the broker has counts no more: it is asked for anew. */
  forget(): void {
    this.#there = undefined;
  }

  /** Lays what holds over what does not, or where nothing is any more. */
  async mend(): Promise<void> {
    if (this.#current && JSON.stringify(this.#there) !== JSON.stringify(this.#current)) {
      await this.session.retain([[this.topic, this.#current]]);
    }
  }

  /**
   * Writes a revision.
   * @returns what holds then: another message where somebody else was faster, or stops more
   * @throws BeltsightError BROKER_UNREACHABLE if the broker does not take it
   */
  async write(message: RolloutMessage): Promise<RolloutMessage> {
    await this.session.retain([[this.topic, message]]);
    await this.mend();
    if (this.#current && this.#current.revision >= message.revision) return this.#current;
    throw new BeltsightError(
      'BROKER_UNREACHABLE',
      `The broker does not give back what was written to ${this.topic}: check that the user may write and read there.`,
    );
  }
}
