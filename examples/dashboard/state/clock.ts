/** A period lasts so long and has so many statuses: neither an outage nor a burst may end what is known. */
const PERIOD_MS = 300_000;
const ENOUGH = 10;

/**
 * By how much the clock of this page is ahead of a device's, from when its statuses were made and came. What a status took on its way
 * can only add, so the least of this and the last period counts: a status that was as late as the results hides nothing.
 */
export interface ClockOffset {
  /** Epoch milliseconds when the period began, and statuses since; none: what is known may be wrong, and the next status decides. */
  readonly since: number;
  readonly statuses: number;
  readonly leastMs: number;
  /** Of the period before; Infinity: there is none. */
  readonly beforeMs: number;
}

/** What is known of the clocks after a status that was made at `at`. Pure. */
export function clockAfter(known: ClockOffset | undefined, at: number, now: number): ClockOffset {
  const first = { since: now, statuses: 1, leastMs: now - at };
  if (!known || known.statuses === 0) return { ...first, beforeMs: Number.POSITIVE_INFINITY };
  const { since, statuses, leastMs, beforeMs } = known;
  if (now - since >= PERIOD_MS && statuses >= ENOUGH) return { ...first, beforeMs: leastMs };
  return { since, statuses: statuses + 1, leastMs: Math.min(leastMs, now - at), beforeMs };
}

/** How old at `now` is what a device made at `at` by its clock: milliseconds, 0 where nothing is known of the clock. */
export function ageMs(known: ClockOffset | undefined, at: number, now: number): number {
  return known ? Math.max(0, now - at - Math.min(known.leastMs, known.beforeMs)) : 0;
}

/** The same where one of the clocks may have been set since. */
export const doubted = (known: ClockOffset): ClockOffset => ({ ...known, statuses: 0 });

/** The same after the clock of this page was set by `byMs`. */
export function moved({ since, statuses, leastMs, beforeMs }: ClockOffset, byMs: number): ClockOffset {
  return { since: since + byMs, statuses, leastMs: leastMs + byMs, beforeMs: beforeMs + byMs };
}
