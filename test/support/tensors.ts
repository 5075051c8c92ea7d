import { expect } from 'vitest';
import type { FixtureTensor } from './fixtures.js';
import type { Digest } from './generated.js';

interface Plain {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A fixture tensor with its axes permuted: `permute(x, [0, 2, 3, 1])` makes NHWC of NCHW. */
export function permute({ shape, data }: Plain, order: readonly number[]): FixtureTensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const target = order.map((axis) => shape[axis] as number);
  const result = Array.from({ length: data.length }, (_, flat) => {
    let rest = flat;
    let source = 0;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      const dim = target[axis] as number;
      source += (rest % dim) * (strides[order[axis] as number] as number);
      rest = Math.floor(rest / dim);
    }
    return data[source] as number;
  });
  return { shape: target, data: result };
}

/** [N,C,H,W] as [N,H,W,C]. */
export const nhwc = (x: Plain) => permute(x, [0, 2, 3, 1]);
/** [N,H,W,C] as [N,C,H,W]. */
export const nchw = (x: Plain) => permute(x, [0, 3, 1, 2]);
/** PyTorch's convolution filter (O,I,kh,kw) as [kh,kw,I,O]; its transposed one (I,O,kh,kw) as [kh,kw,O,I]. */
export const hwio = (x: Plain) => permute(x, [2, 3, 1, 0]);

/** Expects `actual` within `relative` of the largest entry of `expected`, or within `absolute`, entry by entry. */
export function expectClose(actual: Plain, expected: Plain, relative: number, what = 'tensor', absolute = 0): void {
  expect(actual.data.length, `${what}: number of elements`).toBe(expected.data.length);
  let scale = 0;
  for (let i = 0; i < expected.data.length; i++) scale = Math.max(scale, Math.abs(expected.data[i] as number));
  let worst = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const difference = Math.abs((actual.data[i] as number) - (expected.data[i] as number));
    worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  expect(worst, `${what}: largest difference, entries up to ${scale}`).toBeLessThanOrEqual(
    Math.max(relative * scale, absolute),
  );
}

/** Expects a scalar within `relative` of `expected`. */
export function expectScalar(actual: Plain | number, expected: number, relative: number, what = 'value'): void {
  const value = typeof actual === 'number' ? actual : (actual.data[0] as number);
  expect(Math.abs(value - expected), `${what}: ${value} against ${expected}`).toBeLessThanOrEqual(
    relative * Math.max(1, Math.abs(expected)),
  );
}

/** Expects a tensor in PyTorch's layout whose digest is `expected`, entries within `relative` of the largest. */
export function expectDigest(actual: Plain, expected: Digest, relative: number, what = 'tensor'): void {
  expect([...actual.shape], `${what}: shape`).toEqual(expected.shape);
  const samples = expected.samples.map((_, i) => actual.data[i * expected.step] as number);
  const limit = relative * expected.largest;
  samples.forEach((value, i) => {
    const wanted = expected.samples[i] as number;
    expect(Math.abs(value - wanted), `${what}, sample ${i}: ${value} against ${wanted}`).toBeLessThanOrEqual(limit);
  });
  const data = Float64Array.from(actual.data);
  const magnitudes = data.reduce((sum, value) => sum + Math.abs(value), 0);
  const total = data.reduce((sum, value) => sum + value, 0);
  for (const [found, wanted] of [
    [magnitudes, expected.sumOfMagnitudes],
    [total, expected.sum],
  ] as const) {
    // Rounding errors of entries mostly cancel; were they all at the limit, the sums could be off by this.
    expect(Math.abs(found - wanted), `${what}: ${found} against ${wanted} in sum`).toBeLessThanOrEqual(
      relative * expected.sumOfMagnitudes,
    );
  }
}
