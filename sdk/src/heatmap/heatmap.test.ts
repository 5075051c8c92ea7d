import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BeltsightError } from '../errors.js';
import { decodeHeatmap, encodeHeatmap } from './codec.js';
import { colourise } from './colour.js';

const meta = { id: '0190f3a4-0000-7000-8000-000000000000', low: 0, high: 2, threshold: 1 };
const blank = () => encodeHeatmap({ width: 8, height: 8, values: new Float32Array(64) }, meta);

describe('a heatmap', () => {
  it('comes back to within half a grey level, clamped to its range', () => {
    const values = Float32Array.from([-1, 0, 0.5, 1, 1.7, 2, 9, 0.003]);
    const back = decodeHeatmap(encodeHeatmap({ width: 4, height: 2, values }, meta));
    expect(back).toMatchObject({ ...meta, width: 4, height: 2 });
    for (const [i, value] of values.entries()) {
      const clamped = Math.min(2, Math.max(0, value));
      expect(Math.abs((back.values[i] as number) - clamped)).toBeLessThanOrEqual(2 / 510 + 1e-6);
    }
  });

  it('may have no threshold', () => {
    const bytes = encodeHeatmap({ width: 1, height: 1, values: Float32Array.of(1) }, { ...meta, threshold: null });
    expect(decodeHeatmap(bytes).threshold).toBeNull();
  });

  it('is refused with a clear error whatever bytes come instead', () => {
    const good = blank();
    const flipped = fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, change]) => good.map((byte, i) => (i === at ? byte ^ change : byte)));
    const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), flipped, cut), (input) => {
        try {
          decodeHeatmap(input);
        } catch (error) {
          expect(error).toBeInstanceOf(BeltsightError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is refused by its header alone if it claims to be huge', () => {
    const bytes = blank();
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(16, 100_000);
    expect(() => decodeHeatmap(bytes)).toThrow(/100000x8/);
  });
});

describe('colours of a heatmap', () => {
  it('are transparent where low, opaque where high, and get ever brighter', () => {
    const colours = colourise([0, 0.1, 0.5, 0.75, 1, 2, Number.NaN]);
    const alpha = (i: number) => colours[i * 4 + 3];
    expect([0, 1, 2, 3, 4, 5, 6].map(alpha)).toEqual([0, 0, 255, 255, 255, 255, 0]);
    const light = (i: number) => 0.2126 * (colours[i * 4] as number) + 0.7152 * (colours[i * 4 + 1] as number);
    expect(light(2)).toBeLessThan(light(3));
    expect(light(3)).toBeLessThan(light(4));
  });
});
