import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BeltsightError } from '../errors.js';
import { GraphBuilder } from './builder.js';
import { decodeModel, encodeModel, encodeModelWithData } from './codec.js';
import { float, int, ints, string } from './graph.js';
import { float32, int64 } from './tensor.js';

function graph() {
  const g = new GraphBuilder('round-trip');
  const x = g.input('x', 'float32', ['N', 3]);
  const scaled = g.node('Mul', [x, g.initializer(float32([3], [1, -2.5, 1e-7]), 'scale')]);
  const shape = g.initializer(int64([-1, 3]), 'shape');
  const attributes = { a: int(-7), b: ints([1, 2]), c: float(0.5), d: string('text') };
  g.output(g.node('Reshape', [scaled, shape], attributes), 'float32', ['N', 3], 'y');
  return g.build({ producer: 'test' });
}

describe('decodeModel', () => {
  it('reads back what encodeModel wrote', () => {
    expect(decodeModel(encodeModel(graph()))).toEqual(graph());
  });

  it('reads weights from the files they were placed in', () => {
    const { model, files } = encodeModelWithData(graph(), () => 'all.weights');
    expect(decodeModel(model, (name) => files.get(name) as Uint8Array)).toEqual(graph());
  });

  it('copies weights out of the pools that Node reads files into', () => {
    const bytes = encodeModel(graph());
    const pool = new Uint8Array(bytes.length + 7);
    pool.set(bytes, 3);
    const model = decodeModel(Buffer.from(pool.buffer, 3, bytes.length));
    pool.fill(0);
    expect(model).toEqual(graph());
  });

  it('refuses a model that is cut short, unless nothing but metadata is missing', () => {
    const bytes = encodeModel(graph());
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        try {
          const whole = decodeModel(bytes.subarray(0, length));
          expect(whole).toEqual({ ...graph(), metadata: {} });
        } catch (error) {
          if (!(error instanceof BeltsightError)) throw error;
          expect(error.code).toBe('MODEL_INVALID');
        }
      }),
      { numRuns: 300 },
    );
  });
});
