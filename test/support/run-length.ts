import { cusumStep } from '../../device/src/output/alarm/cusum.js';
import { ewmaLimits, ewmaStep, ewmaWarmUp } from '../../device/src/output/alarm/ewma.js';

/**
 * Average run lengths of control charts of products that are bad with one probability, by theory: the expected number of products
 * until the first alarm. The distribution of the charted figure is carried on from product to product, on a fine grid (the Markov
 * chain of Brook and Evans 1972), until the share that leaves with each product no longer changes; the rest is a geometric series.
 */

/** Products over which the share that leaves is averaged. */
const WINDOW = 250;

interface Walk {
  readonly points: number;
  /** The grid covers 0 to here. */
  readonly top: number;
  readonly start: number;
  /** Where a figure goes with a bad product, and with a good one. */
  readonly next: (place: number, bad: boolean) => number;
  /** A figure beyond these is an alarm after so many products. */
  readonly limits: (products: number) => { readonly lower: number; readonly upper: number };
  /** From so many products on the rules do not change any more. */
  readonly settled: number;
}

/** @param rate of bad products, as it is; `target`, as the chart takes it to be */
export function ewmaRunLength(rate: number, target: number, lambda: number, width: number): number {
  const settled = Math.ceil(12 / lambda);
  const limits: { lower: number; upper: number }[] = [];
  let state = ewmaStep(undefined, false, target, lambda);
  for (let t = 1; t <= settled; t++, state = ewmaStep(state, false, target, lambda)) {
    limits.push(t < ewmaWarmUp(lambda) ? { lower: 0, upper: 1 } : ewmaLimits(state, width));
  }
  return runLength(rate, {
    points: 5000,
    top: 1,
    start: target,
    next: (z, bad) => lambda * (bad ? 1 : 0) + (1 - lambda) * z,
    limits: (products) => limits[Math.min(products, settled) - 1] as { lower: number; upper: number },
    settled,
  });
}

export function cusumRunLength(rate: number, target: number, chart: { shift: number; limit: number }): number {
  return runLength(rate, {
    points: 2000,
    top: chart.limit,
    start: 0,
    next: (sum, bad) => cusumStep({ chart: 'cusum', sum, products: 0, bad: 0 }, bad, target, chart).sum,
    // The limit itself is an alarm.
    limits: () => ({ lower: 0, upper: chart.limit * (1 - 1e-12) }),
    settled: 1,
  });
}

function runLength(rate: number, { points, top, start, next, limits, settled }: Walk): number {
  const moves = [true, false].map((bad) => ({
    share: bad ? rate : 1 - rate,
    to: Float64Array.from({ length: points }, (_, i) => next((i * top) / (points - 1), bad)),
  }));
  let mass = new Float64Array(points);
  add(mass, start, top, 1);
  let [length, left, leaving, before] = [0, 1, 0, Number.NaN];
  for (let products = 1; left > 1e-9; products++) {
    length += left;
    const after = new Float64Array(points);
    const { lower, upper } = limits(products);
    let stays = 0;
    for (const { share, to } of moves) {
      for (let i = 0; i < points; i++) {
        const part = share * (mass[i] as number);
        const place = to[i] as number;
        if (part < 1e-15 || place > upper || place < lower) continue;
        add(after, place, top, part);
        stays += part;
      }
    }
    leaving += 1 - stays / left;
    left = stays;
    mass = after;
    if (products % WINDOW > 0) continue;
    const hazard = leaving / WINDOW;
    leaving = 0;
    if (products > settled + WINDOW && Math.abs(hazard / before - 1) < 1e-3) return length + left / hazard;
    before = hazard;
  }
  return length;
}

/** Lays a mass on the two points around a place, so that its mean stays. */
function add(masses: Float64Array, place: number, top: number, mass: number): void {
  const x = (place / top) * (masses.length - 1);
  const i = Math.min(Math.floor(x), masses.length - 2);
  masses[i] = (masses[i] as number) + mass * (i + 1 - x);
  masses[i + 1] = (masses[i + 1] as number) + mass * (x - i);
}
