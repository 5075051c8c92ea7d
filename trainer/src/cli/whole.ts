import { BeltsightError } from '@beltsight/sdk';

/** A whole number of the command line. */
export function whole(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number)) throw new BeltsightError('ARGUMENT_INVALID', `"${value}" is not a whole number.`);
  return number;
}
