import { type Interval, LEVEL } from './interval.js';

/** How likely counts are: `masses[i]` is the probability of `first + i`. What is less likely than rounding is left out. */
export interface CountDistribution {
  readonly first: number;
  readonly masses: readonly number[];
}

/** Counts less likely than this, relative to the likeliest, are left out. */
const NEGLIGIBLE = 1e-16;

/**
 * Beta-binomial: how many of `trials` happen whose probability itself is distributed as Beta(alpha, beta). By the ratio of
 * neighbours from the likeliest count outwards, so that nothing overflows.
 * @param alpha at least 1
 * @param beta at least 1
 */
export function betaBinomial(trials: number, alpha: number, beta: number): CountDistribution {
  const ratio = (k: number) => ((trials - k) * (alpha + k)) / ((k + 1) * (beta + trials - k - 1));
  const spread = alpha + beta - 2;
  const mode = spread === 0 ? 0 : Math.min(trials, Math.floor(((trials + 1) * (alpha - 1)) / spread));
  const below: number[] = [];
  for (let k = mode, mass = 1; k > 0; k--) {
    mass /= ratio(k - 1);
    if (mass < NEGLIGIBLE) break;
    below.push(mass);
  }
  const above: number[] = [];
  for (let k = mode, mass = 1; k < trials; k++) {
    mass *= ratio(k);
    if (mass < NEGLIGIBLE) break;
    above.push(mass);
  }
  return normalised(mode - below.length, [...below.reverse(), 1, ...above]);
}

/** The distribution of the sum of independent counts; of none, the count is 0. */
export function sumOf(distributions: readonly CountDistribution[]): CountDistribution {
  return distributions.reduce(convolved, { first: 0, masses: [1] });
}

function convolved(a: CountDistribution, b: CountDistribution): CountDistribution {
  const masses = new Array<number>(a.masses.length + b.masses.length - 1).fill(0);
  for (const [i, p] of a.masses.entries()) {
    for (let j = 0; j < b.masses.length; j++) masses[i + j] = (masses[i + j] as number) + p * (b.masses[j] as number);
  }
  const least = NEGLIGIBLE * masses.reduce((most, mass) => Math.max(most, mass), 0);
  const from = masses.findIndex((mass) => mass > least);
  const to = masses.findLastIndex((mass) => mass > least);
  return normalised(a.first + b.first + from, masses.slice(from, to + 1));
}

function normalised(first: number, masses: readonly number[]): CountDistribution {
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return { first, masses: masses.map((mass) => mass / total) };
}

/** Probability of `count` or more. */
export function atLeast({ first, masses }: CountDistribution, count: number): number {
  return Math.min(
    1,
    masses.slice(Math.max(0, count - first)).reduce((sum, mass) => sum + mass, 0),
  );
}

/** The shortest range of counts outside of which at most 2.5 % lie on either side. */
export function centralCounts({ first, masses }: CountDistribution): Interval {
  const tail = (1 - LEVEL) / 2;
  let low = 0;
  for (let below = masses[0] as number; below <= tail; below += masses[low] as number) low++;
  let high = masses.length - 1;
  for (let above = masses[high] as number; above <= tail; above += masses[high] as number) high--;
  return [first + low, first + high];
}
