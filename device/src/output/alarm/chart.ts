import { z } from 'zod';
import type { ChartConfig } from '../schema.js';
import { cusumStateSchema, cusumStep, shiftedRate } from './cusum.js';
import { ewmaLimits, ewmaStateSchema, ewmaStep, ewmaWarmUp } from './ewma.js';

export const chartStateSchema = z.discriminatedUnion('chart', [ewmaStateSchema, cusumStateSchema]);
export type ChartState = z.infer<typeof chartStateSchema>;

/** How a chart stands after a product. */
export interface ChartReading {
  /** Share of products. */
  readonly value: number;
  /** The control limit it left or is nearest to. */
  readonly limit: number;
  /** Beyond a control limit. */
  readonly out: boolean;
  /** So far within the limits that an alarm is over. Between the two, it stays as it is. */
  readonly calm: boolean;
}

/** A control chart of one rate of one camera. */
export class Chart {
  #state: ChartState | undefined;

  /** @param state of an earlier run; one of another kind of chart is not taken */
  constructor(
    private readonly config: ChartConfig,
    state: ChartState | undefined,
  ) {
    this.#state = state?.chart === config.chart ? state : undefined;
  }

  get state(): ChartState | undefined {
    return this.#state;
  }

  /** @param calibrated false-reject rate of the product's class, where the configuration names no target */
  add(bad: boolean, calibrated: number): ChartReading {
    const { config } = this;
    const rate = config.target ?? calibrated;
    const state = this.#state;
    if (config.chart === 'ewma') {
      const next = ewmaStep(state?.chart === 'ewma' ? state : undefined, bad, rate, config.lambda);
      this.#state = next;
      const { lower, upper } = ewmaLimits(next, config.width);
      const { value, mean } = next;
      return {
        value,
        limit: value < mean && lower > 0 ? lower : upper,
        out: next.count >= ewmaWarmUp(config.lambda) && (value > upper || value < lower),
        calm: Math.abs(value - mean) <= config.clear * (upper - mean),
      };
    }
    const next = cusumStep(state?.chart === 'cusum' ? state : undefined, bad, rate, config);
    this.#state = next;
    return {
      value: next.products === 0 ? 0 : next.bad / next.products,
      limit: shiftedRate(rate, config.shift),
      out: next.sum >= config.limit,
      calm: next.sum <= config.clear * config.limit,
    };
  }
}
