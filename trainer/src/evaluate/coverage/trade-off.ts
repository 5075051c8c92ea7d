import { descendingOrder } from '../metrics/order.js';
import { rank, sweep } from '../metrics/ranking.js';

/** What happens when every class's distance limit is multiplied by `factor`. Shares are fractions of 1. */
interface TradeOffPoint {
  readonly factor: number;
  /** Unknown products that are called unknown. */
  readonly rejected: number;
  /** Good products of known classes that are called unknown. */
  readonly wronglyUnknown: number;
}

export interface TradeOff {
  /** Chance that an unknown product lies farther out than a known one, in units of the limit; null without good known products. */
  readonly auroc: number | null;
  /** At factors people would try; 1 is what the bundle ships. */
  readonly factors: readonly TradeOffPoint[];
  /** ROC curve: one point for each limit that makes a difference, thinned. */
  readonly roc: readonly Omit<TradeOffPoint, 'factor'>[];
}

const FACTORS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3];
/** At most so many points of a curve. */
const POINTS = 100;

/**
 * How the limit trades unknown products against known ones.
 * @param known distances of good products of known classes, in units of their limits
 * @param unknown the same of products that should be unknown; at least one
 */
export function tradeOff(known: readonly number[], unknown: readonly number[]): TradeOff {
  const reaches = Float32Array.from([...unknown, ...known]);
  const positive = Uint8Array.from(reaches, (_, i) => (i < unknown.length ? 1 : 0));
  const beyond = (found: readonly number[], factor: number) =>
    found.length === 0 ? 0 : found.filter((reach) => reach > factor).length / found.length;
  const factors = FACTORS.map((factor) => ({
    factor,
    rejected: beyond(unknown, factor),
    wronglyUnknown: beyond(known, factor),
  }));
  const order = descendingOrder(reaches);
  const roc = [{ rejected: 0, wronglyUnknown: 0 }];
  if (known.length > 0) {
    sweep(reaches, positive, order, ({ truePositives, falsePositives }) => {
      roc.push({ rejected: truePositives / unknown.length, wronglyUnknown: falsePositives / known.length });
    });
  }
  const step = Math.ceil(roc.length / POINTS);
  return {
    auroc: rank(reaches, positive, order).auroc,
    factors,
    roc: roc.filter((_, i) => i % step === 0 || i === roc.length - 1),
  };
}
