import type { Logger } from 'pino';
import type { Loss } from '../spool/backlog.js';

const QUIET_MS = 60_000;

/** What to say of each kind of loss, and how loud. */
const TEXTS: Record<Loss, readonly ['warn' | 'error', string]> = {
  picture: ['warn', 'The spool is full: the oldest pictures are dropped. Is the broker there?'],
  result: ['error', 'The spool is full: the oldest results are lost. Is the broker there?'],
  expired: ['warn', 'Messages have waited too long for the broker and are dropped.'],
  damaged: ['error', 'Messages of the spool cannot be read any more and are lost. Is the disk sound?'],
};

/** Logs losses when they begin, and once a minute while they go on. */
export class Losses {
  readonly #told: Record<Loss, number> = { picture: 0, result: 0, expired: 0, damaged: 0 };
  readonly #quietUntil: Record<Loss, number> = { picture: 0, result: 0, expired: 0, damaged: 0 };

  constructor(private readonly logger: Logger) {}

  /** @param dropped counts since the start */
  look(dropped: Readonly<Record<Loss, number>>): void {
    for (const loss of Object.keys(this.#told) as Loss[]) {
      if (dropped[loss] <= this.#told[loss] || performance.now() < this.#quietUntil[loss]) continue;
      this.#told[loss] = dropped[loss];
      this.#quietUntil[loss] = performance.now() + QUIET_MS;
      const [level, text] = TEXTS[loss];
      this.logger[level]({ dropped: dropped[loss] }, text);
    }
  }
}
