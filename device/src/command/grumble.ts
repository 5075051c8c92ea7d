import type { Logger } from 'pino';

/** Between two lines on the same matter. */
const PERIOD_MS = 10_000;

/** Logs what may come in floods: each matter at once, then with its count no more often than every ten seconds. */
export class Grumble {
  readonly #matters = new Map<string, { at: number; count: number }>();

  /** @param now milliseconds of a clock that only runs forward */
  constructor(
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly now: () => number,
  ) {}

  /** @param matter one of a fixed few; never text from outside */
  note(matter: string, details: object): void {
    const known = this.#matters.get(matter);
    const now = this.now();
    const count = (known?.count ?? 0) + 1;
    if (known && now - known.at < PERIOD_MS) {
      known.count = count;
      return;
    }
    this.#matters.set(matter, { at: now, count: 0 });
    this.logger.warn({ ...details, times: count }, matter);
  }
}
