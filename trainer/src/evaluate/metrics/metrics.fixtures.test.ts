import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/support/fixtures.js';
import { aupro } from './aupro.js';
import { descendingOrder } from './order.js';
import { rank } from './ranking.js';

// biome-ignore lint/suspicious/noExplicitAny: fixtures are untyped data.
type Case = any;

/** null means undefined (NaN); an error of the reference code has no value to match. */
function expectMetric(actual: number | null, expected: unknown, what: string): void {
  if (typeof expected === 'number') expect(actual, what).toBeCloseTo(expected, 8);
  else if (expected === null) expect(actual, what).toBeNull();
}

describe('metrics match scikit-learn and the exact AUPRO (metrics)', () => {
  it.each((fixture('metrics').cases as Case[]).map((c): [string, Case] => [c.name, c]))('%s', (_, c) => {
    const [count, height, width] = c.shape;
    const maps = Float32Array.from(c.maps);
    const masks = Uint8Array.from(c.masks, Number);
    const order = descendingOrder(maps);
    const pixel = rank(maps, masks, order);
    for (const [name, key] of [
      ['auroc', 'auroc'],
      ['ap', 'ap'],
      ['f1max', 'f1'],
    ] as const) {
      expectMetric(pixel[key], c.expected.pixel[name], `pixel ${name}`);
    }
    expectMetric(
      aupro({ maps, masks, width, height }, order),
      c.expected['aupro_0.3'].exact_all_thresholds_8conn,
      'aupro',
    );
    const area = width * height;
    const scores = Float32Array.from({ length: count }, (_, i) =>
      maps.subarray(i * area, (i + 1) * area).reduce((a, b) => Math.max(a, b)),
    );
    const labels = Uint8Array.from({ length: count }, (_, i) =>
      masks.subarray(i * area, (i + 1) * area).includes(1) ? 1 : 0,
    );
    const image = rank(scores, labels);
    for (const [name, key] of [
      ['auroc', 'auroc'],
      ['ap', 'ap'],
      ['f1max', 'f1'],
    ] as const) {
      expectMetric(image[key], c.expected.image[name], `image ${name}`);
    }
  });
});
