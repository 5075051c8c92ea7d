import { z } from 'zod';

/** An exponentially weighted moving average of products that are bad (1) or not (0), and what it should be in control. */
export const ewmaStateSchema = z.object({
  chart: z.literal('ewma'),
  /** Products so far. */
  count: z.int().nonnegative(),
  value: z.number(),
  /** What `value` is expected to be, and its variance, in control. */
  mean: z.number(),
  variance: z.number().nonnegative(),
});
export type EwmaState = z.infer<typeof ewmaStateSchema>;

/**
 * The state after one more product. Mean and variance are exact for independent products whose rates may differ from one to the
 * next; for one rate p the variance is p (1 - p) lambda / (2 - lambda) (1 - (1 - lambda)^(2 t)) (Lucas and Saccucci 1990).
 * @param rate probability that this product is bad, in control
 */
export function ewmaStep(state: EwmaState | undefined, bad: boolean, rate: number, lambda: number): EwmaState {
  const { count, value, mean, variance } = state ?? { count: 0, value: rate, mean: rate, variance: 0 };
  const keep = 1 - lambda;
  return {
    chart: 'ewma',
    count: count + 1,
    value: lambda * (bad ? 1 : 0) + keep * value,
    mean: lambda * rate + keep * mean,
    variance: lambda ** 2 * rate * (1 - rate) + keep ** 2 * variance,
  };
}

/** Control limits, `width` standard deviations from the mean; a lower one of 0 or less is never left. */
export function ewmaLimits({ mean, variance }: EwmaState, width: number): { lower: number; upper: number } {
  const reach = width * Math.sqrt(variance);
  return { lower: mean - reach, upper: mean + reach };
}

/**
 * Products before the chart is judged. With few products the average of rare events is nothing like normal: at a rate of 5 % the
 * very first bad product would leave limits of 4 standard deviations.
 */
export const ewmaWarmUp = (lambda: number): number => Math.ceil(1 / lambda);
