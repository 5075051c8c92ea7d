/** Slots that writer and reader share: one is being written, one being read, one lies between. */
export const SLOTS = 3;

/** Int32 places of the mailbox in shared memory. */
const BETWEEN = 0;
const CREDIT = 1;
export const MAILBOX_BYTES = 2 * Int32Array.BYTES_PER_ELEMENT;

/** Set beside the number of the slot between the two while it holds a frame that was not read. */
const UNREAD = 4;
const SLOT = 3;

/**
 * Hands the newest frame from one thread to another without waiting. The writer fills its slot and exchanges it for the one between
 * the two; the reader exchanges its slot for that. So nobody ever sees a slot that is written, and there is no queue to grow.
 *
 * Messages run on credit: the reader gives one when it begins to wait, and the writer spends it on one message. A reader that is
 * slow gets no second message, so its event loop is never flooded.
 */
export class MailboxWriter {
  readonly #words: Int32Array;
  #slot = 0;

  constructor(words: Int32Array) {
    this.#words = words;
    Atomics.store(words, BETWEEN, 1);
  }

  /** The slot to write into. */
  get slot(): number {
    return this.#slot;
  }

  /**
   * Hands the slot over, and takes another.
   * @returns whether a frame that was not read is lost by it, and whether the reader waits for a message
   */
  publish(): { replaced: boolean; notify: boolean } {
    const before = Atomics.exchange(this.#words, BETWEEN, this.#slot | UNREAD);
    this.#slot = before & SLOT;
    return { replaced: (before & UNREAD) !== 0, notify: Atomics.exchange(this.#words, CREDIT, 0) === 1 };
  }
}

/** The other end of a {@link MailboxWriter}. */
export class MailboxReader {
  readonly #words: Int32Array;
  #slot = SLOTS - 1;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /**
   * Takes the newest frame, and gives the slot of the last one back.
   * @returns its slot, valid until the next call that succeeds; undefined if none came since
   */
  take(): number | undefined {
    if ((Atomics.load(this.#words, BETWEEN) & UNREAD) === 0) return undefined;
    this.#slot = Atomics.exchange(this.#words, BETWEEN, this.#slot) & SLOT;
    return this.#slot;
  }

  /** Asks for a message. A frame may have come before: {@link take} has to be tried again after it. */
  arm(): void {
    Atomics.store(this.#words, CREDIT, 1);
  }
}
