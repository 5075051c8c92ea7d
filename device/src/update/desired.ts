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
 * Listens to the retained topic that says what the device shall run. What cannot be read changes nothing; a topic that is empty, or
 * was emptied while the device was away, says nothing any more.
 */
export class DesiredTopic {
  readonly #grumble: Grumble;
  #next: { desired: DesiredMessage | undefined } | undefined;
  #pause: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;
  #resolve: () => void = () => undefined;
  /** Resolves when it is known what the broker says. */
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
    const { retainedMs = RETAINED_MS } = this.parts;
    clearTimeout(this.#silence);
    // A broker may send what is retained before it says that it takes the subscription (MQTT 5, section 3.8.4).
    if (performance.now() - this.#heardAt < retainedMs) return;
    this.#silence = setTimeout(() => this.#follow(undefined), retainedMs);
    this.#silence.unref();
  }

  #hear(payload: Buffer): void {
    this.#heardAt = performance.now();
    clearTimeout(this.#silence);
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
