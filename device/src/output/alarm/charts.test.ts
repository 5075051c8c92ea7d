import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cusumRunLength, ewmaRunLength } from '../../../../test/support/run-length.js';
import { outputsSchema } from '../schema.js';
import { Chart, type ChartState } from './chart.js';
import { cusumStep } from './cusum.js';
import { ewmaLimits, ewmaStep } from './ewma.js';

const rates = fc.double({ min: 0.001, max: 0.5, noNaN: true });
const lambdas = fc.double({ min: 0.001, max: 1, noNaN: true });

describe('EWMA', () => {
  it('has the exact variance of its first products and of the long run', () => {
    fc.assert(
      fc.property(rates, lambdas, fc.integer({ min: 1, max: 300 }), (rate, lambda, products) => {
        let state = ewmaStep(undefined, false, rate, lambda);
        for (let t = 1; t < products; t++) state = ewmaStep(state, false, rate, lambda);
        // Montgomery, Introduction to Statistical Quality Control, on the limits of the EWMA chart.
        const exact = ((rate * (1 - rate) * lambda) / (2 - lambda)) * (1 - (1 - lambda) ** (2 * products));
        expect(state.variance).toBeCloseTo(exact, 12);
        expect(state.mean).toBeCloseTo(rate, 12);
        expect(state.value).toBeCloseTo(rate * (1 - lambda) ** products, 12);
        expect(state.count).toBe(products);
      }),
    );
  });

  it('has the mean and variance of products whose rates differ', () => {
    const [lambda, products] = [0.1, [0.02, 0.3, 0.02, 0.1, 0.3]];
    let state = ewmaStep(undefined, false, 0.02, lambda);
    for (const rate of products.slice(1)) state = ewmaStep(state, false, rate, lambda);
    const weights = products.map((_, i) => lambda * (1 - lambda) ** (products.length - 1 - i));
    const mean = products.reduce((sum, rate, i) => sum + (weights[i] as number) * rate, 0);
    const variance = products.reduce((sum, rate, i) => sum + (weights[i] as number) ** 2 * rate * (1 - rate), 0);
    // It begins where the first product's rate is.
    expect(state.mean).toBeCloseTo(mean + (1 - lambda) ** products.length * 0.02, 12);
    expect(state.variance).toBeCloseTo(variance, 12);
  });

  it('charts the reference values of a worked example', () => {
    // lambda 0.1, L 2.7, in control 0.5: bad, bad, good.
    const states: ChartState[] = [];
    let state = ewmaStep(undefined, true, 0.5, 0.1);
    states.push(state);
    for (const bad of [true, false]) {
      state = ewmaStep(state, bad, 0.5, 0.1);
      states.push(state);
    }
    expect(states.map((each) => (each.chart === 'ewma' ? Number(each.value.toFixed(4)) : 0))).toEqual([
      0.55, 0.595, 0.5355,
    ]);
    const { lower, upper } = ewmaLimits(state, 2.7);
    expect(upper).toBeCloseTo(0.5 + 2.7 * 0.5 * Math.sqrt((0.1 / 1.9) * (1 - 0.9 ** 6)), 12);
    expect(lower + upper).toBeCloseTo(1, 12);
  });

  it('is not judged by its first products, and then is', () => {
    const chart = new Chart({ chart: 'ewma', target: 0.05, lambda: 0.1, width: 3, clear: 0.5 }, undefined);
    const out = Array.from({ length: 12 }, () => chart.add(true, 0.05).out);
    expect(out.indexOf(true)).toBe(9);
  });
});

describe('CUSUM', () => {
  it('is the largest log likelihood ratio of any end of the sequence', () => {
    const chart = { shift: 2, limit: 1000 };
    fc.assert(
      fc.property(rates, fc.array(fc.boolean(), { maxLength: 80 }), (rate, products) => {
        const shifted = Math.min(2 * rate, (1 + rate) / 2);
        let state = cusumStep(undefined, false, rate, chart);
        let sums = [0];
        for (const bad of products) {
          state = cusumStep(state, bad, rate, chart);
          const ratio = Math.log(bad ? shifted / rate : (1 - shifted) / (1 - rate));
          sums = [...sums.map((sum) => sum + ratio), 0];
          expect(state.sum).toBeCloseTo(Math.max(...sums), 9);
        }
      }),
    );
  });

  it('comes back from a long excursion as fast as from a short one', () => {
    const backAfter = (bad: number) => {
      const chart = new Chart({ chart: 'cusum', target: 0.05, shift: 2, limit: 5, clear: 0.5 }, undefined);
      for (let i = 0; i < bad; i++) chart.add(true, 0);
      let good = 0;
      do good++;
      while (!chart.add(false, 0).calm);
      return good;
    };
    expect(backAfter(1000)).toBe(backAfter(8));
  });

  it('tells the rate since the sum began to grow', () => {
    const chart = new Chart({ chart: 'cusum', target: 0.1, shift: 2, limit: 5, clear: 0.5 }, undefined);
    for (let i = 0; i < 100; i++) chart.add(false, 0);
    const readings = [true, true, false, true].map((bad) => chart.add(bad, 0).value);
    expect(readings).toEqual([1, 1, 2 / 3, 3 / 4]);
  });
});

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('average run lengths', () => {
  const ewma = { chart: 'ewma', target: null, lambda: 0.02, width: 3, clear: 0.5 } as const;
  const cusum = { chart: 'cusum', target: null, shift: 2, limit: 4, clear: 0.5 } as const;
  const theory = (config: typeof ewma | typeof cusum, rate: number, target: number) =>
    config.chart === 'ewma'
      ? ewmaRunLength(rate, target, config.lambda, config.width)
      : cusumRunLength(rate, target, config);

  // Standard error of 1,000 runs 3 %; the grid adds some.
  it.each([
    [ewma, 0.05, 1],
    [ewma, 0.05, 2],
    [ewma, 0.1, 1],
    [cusum, 0.05, 1],
    [cusum, 0.05, 2],
    [cusum, 0.1, 1],
  ] as const)(
    '$0.chart at target $1 and $2 times that rate are within a tenth of the theory',
    (config, target, times) => {
      const random = randomOf(20_260_101);
      let products = 0;
      const runs = 1000;
      for (let run = 0; run < runs; run++) {
        const chart = new Chart(config, undefined);
        do products++;
        while (!chart.add(random() < target * times, target).out);
      }
      const expected = theory(config, target * times, target);
      expect(Math.abs(products / runs / expected - 1)).toBeLessThan(0.1);
    },
  );
});

describe('docs/outputs.md', () => {
  const page = readFileSync(new URL('../../../../docs/outputs.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (0\.\d+) \| (ewma|cusum) \| (\d+) \| (\d+) \| (\d+) \|$/gm)].map(
    ([, target, kind, ...lengths]) => ({ target: Number(target), kind, lengths: lengths.map(Number) }),
  );

  it('states the run lengths of the default charts', () => {
    expect(rows).toHaveLength(6);
    for (const { target, kind, lengths } of rows) {
      const chart = outputsSchema.parse({ alarm: { rejects: { chart: kind } } }).alarm.rejects;
      const theory = [1, 2, 4].map((times) =>
        chart?.chart === 'ewma'
          ? ewmaRunLength(target * times, target, chart.lambda, chart.width)
          : cusumRunLength(target * times, target, chart as never),
      );
      lengths.forEach((stated, i) => {
        expect(Math.abs(stated / (theory[i] as number) - 1)).toBeLessThan(0.03);
      });
    }
  });
});

describe('Chart', () => {
  it('goes on from a saved state, and begins anew from that of another chart', () => {
    const config = { chart: 'ewma', target: 0.05, lambda: 0.1, width: 3, clear: 0.5 } as const;
    const products = Array.from({ length: 40 }, (_, i) => i % 3 === 0);
    const [whole, first] = [new Chart(config, undefined), new Chart(config, undefined)];
    for (const bad of products) whole.add(bad, 0);
    for (const bad of products.slice(0, 20)) first.add(bad, 0);
    const second = new Chart(config, JSON.parse(JSON.stringify(first.state)));
    for (const bad of products.slice(20)) second.add(bad, 0);
    expect(second.state).toEqual(whole.state);
    const other = new Chart({ chart: 'cusum', target: 0.05, shift: 2, limit: 5, clear: 0.5 }, whole.state);
    expect(other.state).toBeUndefined();
  });

  it('holds the rate of each class for normal', () => {
    const chart = new Chart({ chart: 'ewma', target: null, lambda: 0.05, width: 3, clear: 0.5 }, undefined);
    const random = randomOf(7);
    // A class with many false rejects and one with few, in turn: what is normal for both is no alarm.
    let out = 0;
    for (let i = 0; i < 2000; i++) {
      const rate = i % 2 === 0 ? 0.3 : 0.02;
      if (chart.add(random() < rate, rate).out) out++;
    }
    expect(out).toBeLessThan(20);
  });
});
