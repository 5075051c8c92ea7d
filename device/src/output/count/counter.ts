import { createHash } from 'node:crypto';
import type { Verdict } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { z } from 'zod';
import { StateFile } from '../state-file.js';

/** Numbers reserved on the disk at a time; after a kill, the count jumps by less than twice as many. */
const BLOCK = 256;
/** 2025-01-01, in Unix milliseconds. */
const EPOCH_MS = Date.UTC(2025, 0, 1);

const totalsSchema = z.object({
  since: z.iso.datetime(),
  pass: z.int().nonnegative(),
  reject: z.int().nonnegative(),
  unknown: z.int().nonnegative(),
});
export type Totals = Readonly<z.infer<typeof totalsSchema>>;

const stateSchema = z.object({
  schema: z.literal('beltsight.count/1'),
  /** No number above this one was ever handed out. */
  reserved: z.int().nonnegative(),
  totals: totalsSchema,
});
const fileSchema = z.object({ state: stateSchema, sha256: z.string() });

export interface CounterParts {
  readonly file: string;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/**
 * Numbers inspections so that the number never runs backwards: over restarts, kills and power cuts it only jumps forward, because
 * numbers are handed out after a block of them is reserved on the disk. Without a sound file it begins at the milliseconds since
 * 2025, which no counter of less than 1,000 results a second has reached.
 */
export class InspectionCounter {
  readonly #file: StateFile;
  #next = 1;
  #reserved = 0;
  #totals: z.infer<typeof totalsSchema>;
  #saving = false;
  #closed = false;
  #failed = false;
  #short = false;

  private constructor(private readonly parts: CounterParts) {
    this.#file = new StateFile(parts.file);
    this.#totals = { since: new Date(this.#now()).toISOString(), pass: 0, reject: 0, unknown: 0 };
  }

  /** Never rejects: what the disk does not give is logged, and results go without a number where they must. */
  static async open(parts: CounterParts): Promise<InspectionCounter> {
    const counter = new InspectionCounter(parts);
    await counter.#load();
    await counter.#reserve();
    return counter;
  }

  /** Results by verdict, over all restarts. */
  get totals(): Totals {
    return { ...this.#totals };
  }

  /** Counts a result and gives its number; undefined while the disk has not reserved it. */
  next(verdict: Verdict): number | undefined {
    this.#totals[verdict]++;
    if (this.#closed) return undefined;
    const number = this.#next++;
    if (this.#reserved - number < BLOCK / 2) void this.#reserve();
    if (number <= this.#reserved) {
      this.#short = false;
      return number;
    }
    if (!this.#short) this.parts.logger.warn(`Results have no count: ${this.parts.file} is not written fast enough.`);
    this.#short = true;
    return undefined;
  }

  /** Saves what was counted; there are no numbers after this. */
  async close(): Promise<void> {
    this.#closed = true;
    // Numbers that were reserved and not used are given back.
    await this.#save(this.#next - 1).catch((error) => this.#complain(error));
  }

  async #load(): Promise<void> {
    const { file, logger } = this.parts;
    let why = 'there is no such file yet';
    try {
      const text = await this.#file.read();
      if (text !== undefined) {
        const { state, sha256 } = fileSchema.parse(JSON.parse(text));
        if (digest(state) !== sha256) throw new Error('its digest is another');
        this.#next = state.reserved + 1;
        this.#totals = state.totals;
        return;
      }
    } catch (error) {
      why = `it is damaged or cannot be read (${(error as Error).message})`;
    }
    // Ahead of every number of a counter that was lost, as long as the clock is right.
    this.#next = Math.max(1, Math.floor(this.#now() - EPOCH_MS));
    const message = `The inspection count of ${file} begins at ${this.#next}, by the clock: ${why}.`;
    if (why.startsWith('it is')) logger.error(message);
    else logger.info(message);
  }

  /** Reserves up to a block ahead of the next number. */
  async #reserve(): Promise<void> {
    if (this.#saving) return;
    this.#saving = true;
    const reserved = this.#next - 1 + BLOCK;
    try {
      await this.#save(reserved);
      this.#reserved = reserved;
      if (this.#failed) this.parts.logger.info(`The inspection count is saved to ${this.parts.file} again.`);
      this.#failed = false;
    } catch (error) {
      this.#complain(error);
    } finally {
      this.#saving = false;
    }
  }

  async #save(reserved: number): Promise<void> {
    const state = { schema: 'beltsight.count/1' as const, reserved, totals: this.totals };
    await this.#file.save(JSON.stringify({ state, sha256: digest(state) }));
  }

  #complain(error: unknown): void {
    if (!this.#failed) {
      const { message } = error as Error;
      this.parts.logger.error(
        { err: error },
        `The inspection count cannot be saved to ${this.parts.file} (${message}): results go without it. Correct "state" or its rights.`,
      );
    }
    this.#failed = true;
  }

  #now(): number {
    return (this.parts.now ?? Date.now)();
  }
}

const digest = (state: z.infer<typeof stateSchema>): string =>
  createHash('sha256').update(JSON.stringify(state)).digest('hex');
