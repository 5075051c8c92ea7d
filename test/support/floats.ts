import fc from 'fast-check';

/** The smallest 32-bit float of full precision. */
const SMALLEST_NORMAL = 2 ** -126;

/** 32-bit floats but subnormal ones, which a thread that opened a session of the trainer takes for zero. */
export const normalFloat = (constraints: fc.FloatConstraints = {}): fc.Arbitrary<number> =>
  fc.float({ noNaN: true, ...constraints }).map((value) => (Math.abs(value) < SMALLEST_NORMAL ? 0 * value : value));
