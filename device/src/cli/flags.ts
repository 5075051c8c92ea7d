import { BeltsightError } from '@beltsight/sdk';

/** Reads a number of the command line. */
export function between(flag: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= low && value <= high) return value;
    throw new BeltsightError('ARGUMENT_INVALID', `${flag} ${text}: give a number from ${low} to ${high}.`);
  };
}

/** Reads a whole number of the command line. */
export function wholeBetween(flag: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = between(flag, low, high)(text);
    if (Number.isInteger(value)) return value;
    throw new BeltsightError('ARGUMENT_INVALID', `${flag} ${text}: give a whole number from ${low} to ${high}.`);
  };
}

/** Aborts at the first SIGINT or SIGTERM. Once: a second one ends the process at once. */
export function abortOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}
