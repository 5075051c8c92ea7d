import type { RolloutMessage } from '@beltsight/sdk';
import { z } from 'zod';

/** A number of devices, or a share of them from 0 to 1. */
export type Amount = RolloutMessage['stopAt'];

/** An amount as people write it: `3`, or `10 %`. */
export const amountSchema = z.union([z.number(), z.string()]).transform((value, context): Amount => {
  const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(String(value).trim()) ?? [];
  const amount = Number(number);
  if (percent === '%' && amount > 0 && amount <= 100) return { share: amount / 100 };
  if (percent === '' && amount > 0 && Number.isInteger(amount)) return { devices: amount };
  context.addIssue({
    code: 'custom',
    message: `"${value}" is no amount of devices: write a number such as 3, or a share such as "10 %"`,
  });
  return z.NEVER;
});

/** A share as people write it: `90 %`; from 0 to 1. */
export const shareSchema = amountSchema.transform((amount, context): number => {
  if ('share' in amount) return amount.share;
  context.addIssue({ code: 'custom', message: `write a share, such as "90 %", not ${amount.devices}` });
  return z.NEVER;
});

/** How many of `total` devices an amount is: a share is rounded up, so that it is never none of some. */
export function devicesOf(amount: Amount, total: number): number {
  return 'devices' in amount ? Math.min(amount.devices, total) : atLeast(amount.share, total);
}

/** The smallest number of devices that is a share of `total`. */
export function atLeast(share: number, total: number): number {
  // 0.07 * 100 is a little more than 7.
  return Math.ceil(share * total - 1e-9);
}
