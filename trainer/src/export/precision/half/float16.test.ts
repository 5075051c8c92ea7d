import { ELEMENTS, GraphBuilder, int } from '@beltsight/sdk/onnx';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphSession } from '../../../graph/session.js';
import { halvesOf, LARGEST_HALF } from './float16.js';

/** ONNX Runtime's float32 of half-precision bits. */
async function floatsOf(bits: Uint16Array): Promise<Float32Array> {
  const g = new GraphBuilder('half');
  const x = g.initializer({ type: 'float16', dims: [bits.length], data: bits });
  g.output(g.node('Cast', [x], { to: int(ELEMENTS.float32.code) }), 'float32', [bits.length], 'y');
  const session = await GraphSession.open(g.build());
  const { y } = await session.run({});
  await session.close();
  return y?.data as Float32Array;
}

describe('half precision', () => {
  it('rounds every number to a nearest half, and an exact half to itself', async () => {
    // All finite halves, in ascending order of their magnitude.
    const all = await floatsOf(Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits));
    expect([...halvesOf(all).bits]).toEqual([...all.keys()]);
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -LARGEST_HALF, max: LARGEST_HALF }), (value) => {
        const [bits = 0] = halvesOf(Float32Array.of(value)).bits;
        const at = bits & 0x7fff;
        const error = (i: number) => Math.abs((all[i] ?? Number.POSITIVE_INFINITY) - Math.abs(value));
        expect(bits >> 15).toBe(Object.is(Math.sign(value), -0) || value < 0 ? 1 : 0);
        expect(error(at)).toBeLessThanOrEqual(Math.min(error(at - 1), error(at + 1)));
        if (error(at) === error(at + 1) || error(at) === error(at - 1)) expect(at % 2).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  it('saturates what is too large and counts it, with what became zero', () => {
    const { bits, saturated, vanished } = halvesOf(Float32Array.of(65_519, 65_520, -1e30, 1e-9, -0, 0.5));
    expect([...bits]).toEqual([0x7bff, 0x7bff, 0xfbff, 0, 0x8000, 0x3800]);
    expect({ saturated, vanished }).toEqual({ saturated: 2, vanished: 1 });
  });
});
