import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Memory } from '../memory.js';
import { colourOf, fieldOf } from './colour.js';
import type { Field, Fields, Struct } from './field.js';
import { fourccOf, fourccText, PIXEL_FORMATS, pixelFormatOf, planesOf } from './formats.js';
import header from './header.fixture.json' with { type: 'json' };
import * as ioctls from './ioctl.js';
import * as structs from './structs.js';

const tables = Object.entries(structs).flatMap(([name, struct]) =>
  typeof struct === 'number' ? [] : [[name, struct as Struct<Fields>] as const],
);

describe('numbers of linux/videodev2.h', () => {
  it.each(tables)('struct %s lies as the compiler lays it out', (name, { size, fields }) => {
    const layout = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, [field.offset, field.size]]));
    expect({ sizeof: [0, size], ...layout }).toEqual(header.structs[name as keyof typeof header.structs]);
  });

  it('requests have the numbers that the compiler gives them', () => {
    const numbers = Object.values(ioctls).map(({ name, request }) => [name, request]);
    expect(Object.fromEntries(numbers)).toEqual(header.ioctls);
  });

  it.each(Object.entries(header.formats))('the format %j has the code that the compiler gives it', (text, code) => {
    expect(fourccOf(text)).toBe(code);
    expect(fourccText(code)).toBe(text);
  });

  it('a big-endian variant is not taken for the little-endian format', () => {
    expect(pixelFormatOf(fourccText(header.formats['Y16 ']))).toBe('Y16');
    expect(pixelFormatOf(fourccText(header.formats['Y16 -BE']))).toBeUndefined();
  });

  it('numbers that have no name read as unknown', () => {
    expect(colourOf(8, 1, 2, 99)).toEqual({
      space: 'srgb',
      encoding: '601',
      quantisation: 'lim-range',
      transfer: 'unknown',
    });
    expect([fieldOf(1), fieldOf(7), fieldOf(77)]).toEqual(['none', 'alternate', 'unknown']);
  });
});

/** A value that a member of this size and kind can hold. */
function valueOfField(field: Field<number> | Field<bigint> | Field<string>): fc.Arbitrary<number | bigint | string> {
  const sample = field.get(new DataView(new ArrayBuffer(256)));
  if (typeof sample === 'string') {
    return fc.string({ unit: 'grapheme-ascii', maxLength: field.size - 1 }).filter((text) => !text.includes('\0'));
  }
  const ones = new Uint8Array(256).fill(0xff);
  const signed = (field as Field<number | bigint>).get(new DataView(ones.buffer)) < 0;
  const [low, high] = signed
    ? [-(2n ** BigInt(field.size * 8 - 1)), 2n ** BigInt(field.size * 8 - 1) - 1n]
    : [0n, 2n ** BigInt(field.size * 8) - 1n];
  const number = fc.bigInt({ min: low, max: high });
  return typeof sample === 'bigint' ? number : number.map(Number);
}

describe('fields', () => {
  it.each(tables)('every member of %s reads as it was written, and touches no other byte', (_, { size, fields }) => {
    for (const field of Object.values(fields)) {
      fc.assert(
        fc.property(valueOfField(field), fc.integer({ min: 0, max: 3 }), (value, element) => {
          const memory = new Memory(size * 4);
          memory.bytes.fill(0xaa);
          const base = element * size;
          (field as Field<typeof value>).set(memory.view, value, base);
          expect(field.get(memory.view, base)).toEqual(value);
          const [from, to] = [base + field.offset, base + field.offset + field.size];
          expect(memory.bytes.every((byte, i) => byte === 0xaa || (i >= from && i < to))).toBe(true);
        }),
        { numRuns: 25 },
      );
    }
  });

  it('a text that is too long is cut off before its zero', () => {
    const memory = Memory.of(structs.v4l2_capability, { driver: 'x'.repeat(40), card: 'next' });
    expect(structs.v4l2_capability.fields.driver.get(memory.view)).toBe('x'.repeat(15));
    expect(structs.v4l2_capability.fields.card.get(memory.view)).toBe('next');
  });
});

describe('planesOf', () => {
  it('lays NV12 out as one plane of luma and one of interleaved chroma', () => {
    expect(planesOf('NV12', 'NV12', 640, 480, [704])).toEqual([
      { stride: 704, rows: 480, offset: 0, sizeBytes: 704 * 480 },
      { stride: 704, rows: 240, offset: 704 * 480, sizeBytes: 704 * 240 },
    ]);
  });

  it('takes a stride for each plane where each has memory of its own', () => {
    const strides = planesOf('NV12', 'NM12', 640, 480, [704, 768]).map(({ stride }) => stride);
    expect(strides).toEqual([704, 768]);
  });

  it('halves the stride of subsampled planes that share memory', () => {
    expect(planesOf('YU12', 'YU12', 640, 480, [704]).map(({ stride, rows }) => [stride, rows])).toEqual([
      [704, 480],
      [352, 240],
      [352, 240],
    ]);
  });

  it('has no planes for compressed pictures', () => {
    expect(planesOf('MJPG', 'MJPG', 640, 480, [0])).toEqual([]);
  });

  it('never gives rows that are shorter than the picture, nor planes that overlap', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PIXEL_FORMATS),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 3 }),
        (format, width, height, strides) => {
          let end = 0;
          for (const { stride, rows, offset, sizeBytes } of planesOf(format, format, width, height, strides)) {
            expect(offset).toBe(end);
            expect(sizeBytes).toBe(stride * rows);
            expect(stride).toBeGreaterThanOrEqual(width / 2);
            expect(rows).toBeGreaterThanOrEqual(height / 2);
            end += sizeBytes;
          }
        },
      ),
    );
  });
});
