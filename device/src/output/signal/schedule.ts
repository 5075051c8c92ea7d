import type { Axis } from './axis.js';

/** Why a signal was not given. */
export type Loss = 'late' | 'full' | 'displaced' | 'shutdown';

export interface ScheduleParts<T> {
  readonly axis: Axis;
  readonly maxPending: number;
  readonly maxLateMs: number;
  /** Called when the target of an item is reached, or was already. */
  readonly fire: (item: T, lateMs: number) => void;
  readonly lost: (item: T, why: Loss, lateMs: number) => void;
}

/** Items that wait for their place on an axis, the nearest first, bounded in number: when full, the farthest is lost. */
export class Schedule<T> {
  readonly #pending: { readonly target: number; readonly item: T }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #emptied: (() => void)[] = [];

  constructor(private readonly parts: ScheduleParts<T>) {}

  get size(): number {
    return this.#pending.length;
  }

  push(target: number, item: T): void {
    const after = this.#pending.findLastIndex((other) => other.target <= target);
    this.#pending.splice(after + 1, 0, { target, item });
    if (this.#pending.length > this.parts.maxPending) {
      const farthest = this.#pending.pop();
      if (farthest) this.parts.lost(farthest.item, 'full', 0);
    }
    this.check();
  }

  /** Fires what is due. The axis calls it when it has moved. */
  check(): void {
    this.#disarm();
    const { axis, maxLateMs, fire, lost } = this.parts;
    for (let first = this.#pending[0]; first && axis.reached(first.target); first = this.#pending[0]) {
      this.#pending.shift();
      const lateMs = axis.lateMs(first.target);
      if (lateMs > maxLateMs) lost(first.item, 'late', lateMs);
      else fire(first.item, lateMs);
    }
    if (this.#pending.length > 0) this.#arm();
    else for (const resolve of this.#emptied.splice(0)) resolve();
  }

  /** Gives up all that waits. */
  drop(why: Loss): void {
    this.#disarm();
    for (const { item } of this.#pending.splice(0)) this.parts.lost(item, why, 0);
    for (const resolve of this.#emptied.splice(0)) resolve();
  }

  /** Goes on until nothing waits, or for so long; then what is left is lost. */
  async close(patienceMs: number): Promise<void> {
    const [first] = this.#pending;
    if (!first) return;
    const ms = this.parts.axis.msUntil(first.target) ?? 0;
    if (ms > patienceMs) return this.drop('shutdown');
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#emptied.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.drop('shutdown');
  }

  #arm(): void {
    const ms = this.parts.axis.msUntil((this.#pending[0] as { target: number }).target);
    if (ms === undefined) return;
    // Timers of Node count whole milliseconds: the last one is spent between other events, not asleep.
    if (ms <= 1.5) this.#immediate = setImmediate(() => this.check());
    else this.#timer = setTimeout(() => this.check(), Math.min(ms - 1, LONGEST_MS));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }
}

/** A timer takes no more than 2^31 - 1. */
const LONGEST_MS = 3_600_000;
