import { cusumStep } from '../../device/src/output/alarm/cusum.js';
import { ewmaLimits, ewmaStep, ewmaWarmUp } from '../../device/src/output/alarm/ewma.js';

/**
 * Average run lengths of control charts of products that are bad with one probability, by theory: the expected number of products until
 * the first alarm, from the Markov chain of the charted figure on a grid (Brook and Evans 1972), solved exactly.
 */

/** Points of the grid. */
const POINTS = 600;

/** @param rate of bad products, as it is; `target`, as the chart takes it to be */
export function ewmaRunLength(rate: number, target: number, lambda: number, width: number): number {
  // Limits widen with the first products; from here on they are those of the long run.
  const settled = Math.ceil(12 / lambda);
  const limits: { lower: number; upper: number }[] = [];
  let state = ewmaStep(undefined, false, target, lambda);
  for (let t = 1; t <= settled; t++, state = ewmaStep(state, false, target, lambda)) {
    limits.push(t < ewmaWarmUp(lambda) ? { lower: 0, upper: 1 } : ewmaLimits(state, width));
  }
  const moves = (z: number): [number, number][] => [
    [(1 - lambda) * z + lambda, rate],
    [(1 - lambda) * z, 1 - rate],
  ];
  const { lower, upper } = limits.at(-1) as { lower: number; upper: number };
  let [lengths, top] = [
    solve(upper, (z) => moves(z).map(([to, p]) => [to < lower ? Number.POSITIVE_INFINITY : to, p])),
    upper,
  ];
  for (const within of limits.reverse()) {
    const [after, wide] = [lengths, top];
    const stays = ([to]: [number, number]) => to >= within.lower && to <= within.upper;
    lengths = Array.from({ length: POINTS }, (_, i) =>
      moves(i / (POINTS - 1))
        .filter(stays)
        .reduce((sum, [to, p]) => sum + p * at(after, to, wide), 1),
    );
    top = 1;
  }
  return at(lengths, target, top);
}

export function cusumRunLength(rate: number, target: number, chart: { shift: number; limit: number }): number {
  const moves = (sum: number): [number, number][] =>
    [true, false].map((bad) => [
      cusumStep({ chart: 'cusum', sum, products: 0, bad: 0 }, bad, target, chart).sum,
      bad ? rate : 1 - rate,
    ]);
  // The sum is held at the limit, which is an alarm.
  const lengths = solve(chart.limit, (sum) =>
    moves(sum).map(([to, p]) => [to >= chart.limit ? Number.POSITIVE_INFINITY : to, p]),
  );
  return at(lengths, 0, chart.limit);
}

/** Value at a place on a grid over 0..top, between its points. */
function at(values: readonly number[], place: number, top: number): number {
  const x = (Math.min(place, top) / top) * (values.length - 1);
  const i = Math.min(Math.floor(x), values.length - 2);
  return (values[i] as number) * (i + 1 - x) + (values[i + 1] as number) * (x - i);
}

/** Expected steps until the chain leaves 0..top, for each point of the grid: (I - Q) L = 1 by Gaussian elimination. */
function solve(top: number, moves: (place: number) => [number, number][]): number[] {
  const rows = Array.from({ length: POINTS }, (_, i) => {
    const row = new Float64Array(POINTS + 1);
    row[i] = 1;
    row[POINTS] = 1;
    for (const [to, p] of moves((i * top) / (POINTS - 1))) {
      if (to > top) continue;
      const x = (to / top) * (POINTS - 1);
      const j = Math.min(Math.floor(x), POINTS - 2);
      row[j] = (row[j] as number) - p * (j + 1 - x);
      row[j + 1] = (row[j + 1] as number) - p * (x - j);
    }
    return row;
  });
  for (let k = 0; k < POINTS; k++) {
    const pivot = rows[k] as Float64Array;
    for (let i = k + 1; i < POINTS; i++) {
      const row = rows[i] as Float64Array;
      const factor = (row[k] as number) / (pivot[k] as number);
      if (factor === 0) continue;
      for (let j = k; j <= POINTS; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number);
    }
  }
  const lengths = new Array<number>(POINTS).fill(0);
  for (let i = POINTS - 1; i >= 0; i--) {
    const row = rows[i] as Float64Array;
    let rest = row[POINTS] as number;
    for (let j = i + 1; j < POINTS; j++) rest -= (row[j] as number) * (lengths[j] as number);
    lengths[i] = rest / (row[i] as number);
  }
  return lengths;
}
