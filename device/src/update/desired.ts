import { type DesiredMessage, desiredSchema } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { Grumble } from '../command/grumble.js';
import { jsonOf } from '../command/json.js';
import { problemsOf } from '../command/problems.js';
import type { Publisher } from '../publish/publisher.js';

/** No such message is longer. */
const MAX_BYTES = 4096;
/** Messages are followed no more often than this, the last one always. */
const APART_MS = 1000;
/** A broker has sent what is retained so soon after it granted the subscription. */
const RETAINED_MS = 2000;

export interface DesiredParts {
  readonly topic: string;
  readonly publisher: Pick<Publisher, 'subscribe'>;
  /** Hears what is desired; undefined: nothing is said. */
  readonly desire: (desired: DesiredMessage | undefined) => void;
  readonly logger: Pick<Logger, 'warn'>;
  readonly apartMs?: number;
  readonly retainedMs?: number;
}

/**
 * Listens to the retained topic that says what the device shall run. What cannot be read changes nothing, nor does silence: a broker that
 * has lost what was retained must not release a fleet from what it was asked for. An empty message says nothing any more.
 */
export class DesiredTopic {
  readonly #grumble: Grumble;
  #next: { desired: DesiredMessage | undefined } | undefined;
  #pause: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #resolve: () => void = () => undefined;
  /** Resolves when it is known what the broker says, or that it says nothing. */
  readonly known = new Promise<void>((resolve) => {
    this.#resolve = resolve;
  });

  constructor(private readonly parts: DesiredParts) {
    this.#grumble = new Grumble(parts.logger, () => performance.now());
    parts.publisher.subscribe(parts.topic, ({ payload }) => this.#hear(Buffer.from(payload)), {
      granted: () => this.#granted(),
    });
  }

  close(): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#silence);
    this.#next = undefined;
    this.#resolve();
  }

  #granted(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(this.#resolve, this.parts.retainedMs ?? RETAINED_MS);
    this.#silence.unref();
  }

  #hear(payload: Buffer): void {
    const read = payload.length === 0 ? { desired: undefined } : this.#read(payload);
    if (read) this.#follow(read.desired);
  }

  #follow(desired: DesiredMessage | undefined): void {
    this.#next = { desired };
    if (this.#pause === undefined) this.#tell();
  }

  #tell(): void {
    this.#pause = undefined;
    if (!this.#next) return;
    this.parts.desire(this.#next.desired);
    this.#next = undefined;
    this.#resolve();
    this.#pause = setTimeout(() => this.#tell(), this.parts.apartMs ?? APART_MS);
    this.#pause.unref();
  }

  #read(payload: Buffer): { desired: DesiredMessage } | undefined {
    const parsed = payload.length > MAX_BYTES ? undefined : desiredSchema.safeParse(jsonOf(payload));
    if (parsed?.success) return { desired: parsed.data };
    const why = parsed ? problemsOf(parsed.error) : `${payload.length} bytes`;
    this.#grumble.note('What the device shall run cannot be read, and changes nothing.', {
      topic: this.parts.topic,
      why,
    });
    return undefined;
  }
}
