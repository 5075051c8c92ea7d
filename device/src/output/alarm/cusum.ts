import { z } from 'zod';

/** A cumulative sum of log likelihood ratios of products that are bad or not (Reynolds and Stoumbos 1999). */
export const cusumStateSchema = z.object({
  chart: z.literal('cusum'),
  sum: z.number().nonnegative(),
  /** Products, and bad ones among them, since the sum was last 0. */
  products: z.int().nonnegative(),
  bad: z.int().nonnegative(),
});
export type CusumState = z.infer<typeof cusumStateSchema>;

/** The rate a chart is tuned to notice: so many times that in control, and never as much as every product. */
export const shiftedRate = (rate: number, shift: number): number => Math.min(rate * shift, (1 + rate) / 2);

/**
 * The state after one more product: the sum of ln(P(product | shifted rate) / P(product | rate)), never below 0. It is held at
 * `limit`, so that it comes back as fast from a long excursion as from a short one.
 * @param rate probability that this product is bad, in control
 */
export function cusumStep(
  state: CusumState | undefined,
  bad: boolean,
  rate: number,
  { shift, limit }: { readonly shift: number; readonly limit: number },
): CusumState {
  const shifted = shiftedRate(rate, shift);
  const ratio = bad ? shifted / rate : (1 - shifted) / (1 - rate);
  const sum = Math.min(limit, (state?.sum ?? 0) + Math.log(ratio));
  if (sum <= 0) return { chart: 'cusum', sum: 0, products: 0, bad: 0 };
  return { chart: 'cusum', sum, products: (state?.products ?? 0) + 1, bad: (state?.bad ?? 0) + (bad ? 1 : 0) };
}
