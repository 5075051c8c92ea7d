/** Times of day between which something may happen, such as 22:00 and 05:00. */
export interface TimeWindow {
  readonly from: string;
  readonly to: string;
}

const DAY_MINUTES = 24 * 60;

/** Milliseconds until a window opens, by the local clock; 0 inside of it. A window that ends where it begins is the whole day. */
export function untilOpen({ from, to }: TimeWindow, now: Date): number {
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const minute = now.getHours() * 60 + now.getMinutes();
  const since = (minute - begin + DAY_MINUTES) % DAY_MINUTES;
  const length = (end - begin + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  if (since < length) return 0;
  return (DAY_MINUTES - since) * 60_000 - now.getSeconds() * 1000 - now.getMilliseconds();
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return (hours as number) * 60 + (minutes as number);
}
