import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cameraMetrics } from '../metrics/camera.js';
import { Tags } from '../metrics/tags.js';
import { encodePayload, type Metric } from '../payload/codec.js';
import { toWire } from '../payload/datatype.js';
import { cameraOrder } from './orders.js';
import { parseWrites } from './parse.js';

let alias = 0;
const tags = new Tags(cameraMetrics({ heatmaps: true, commands: true }), {
  nextAlias: () => ++alias,
  deadband: { score: 0, latencyMs: 0 },
});
const names = tags.birth().flatMap(({ name }) => name ?? []);
const writable = names.filter((name) => tags.find({ name })?.writable);
const parse = (bytes: Uint8Array) => parseWrites(bytes, (metric) => tags.find(metric));
const payloadOf = (...metrics: Metric[]) => encodePayload({ timestamp: 1, metrics });

describe('what a host writes', () => {
  it('is read by name and by alias', () => {
    const value = toWire('String', 'blue');
    const found = tags.birth().find(({ name }) => name === 'Control/Class')?.alias as number;
    const expected = { writes: [{ name: 'Control/Class', value: 'blue' }], refused: 0 };
    expect(parse(payloadOf({ name: 'Control/Class', value }))).toEqual(expected);
    expect(parse(payloadOf({ alias: found, value }))).toEqual(expected);
  });

  it('is null only where null means something', () => {
    expect(parse(payloadOf({ name: 'Control/Class', isNull: true })).writes).toEqual([
      { name: 'Control/Class', value: null },
    ]);
    expect(parse(payloadOf({ name: 'Control/Paused', isNull: true }))).toEqual({ writes: [], refused: 1 });
  });

  it('may be a number in any field, if it fits', () => {
    const count = (value: Metric['value']) =>
      parse(payloadOf({ name: 'Control/Collect/Count', ...(value ? { value } : {}) }));
    expect(count({ case: 'doubleValue', value: 7 }).writes).toEqual([{ name: 'Control/Collect/Count', value: 7 }]);
    expect(count({ case: 'longValue', value: 7n }).writes).toEqual([{ name: 'Control/Collect/Count', value: 7 }]);
    for (const value of [
      { case: 'doubleValue', value: 7.5 },
      { case: 'longValue', value: 2n ** 40n },
      { case: 'stringValue', value: '7' },
    ] as const)
      expect(count(value)).toEqual({ writes: [], refused: 1 });
  });

  it('to metrics that are not writable, unknown or too many, is refused', () => {
    const value = toWire('String', 'x');
    expect(
      parse(payloadOf({ name: 'Result/Verdict', value }, { name: 'none', value }, { alias: 9999, value })),
    ).toEqual({
      writes: [],
      refused: 3,
    });
    const many = Array.from({ length: 65 }, () => ({ name: 'Control/Class', value }));
    expect(parse(payloadOf(...many))).toEqual({ writes: [], refused: 1 });
    expect(parse(payloadOf({ name: 'Control/Class', value: toWire('String', 'x'.repeat(70_000)) }))).toEqual({
      writes: [],
      refused: 1,
    });
  });

  it('however hostile, never throws and writes what is writable only', () => {
    const noise = fc.uint8Array({ maxLength: 200 });
    const wire = fc.oneof(
      fc.record({ case: fc.constantFrom('intValue' as const), value: fc.nat() }),
      fc.record({ case: fc.constantFrom('longValue' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      fc.record({ case: fc.constantFrom('doubleValue' as const), value: fc.double() }),
      fc.record({ case: fc.constantFrom('floatValue' as const), value: fc.float() }),
      fc.record({ case: fc.constantFrom('booleanValue' as const), value: fc.boolean() }),
      fc.record({
        case: fc.constantFrom('stringValue' as const),
        value: fc.string({ unit: 'binary', maxLength: 400 }),
      }),
      fc.record({ case: fc.constantFrom('bytesValue' as const), value: fc.uint8Array() }),
    );
    const metric = fc.record(
      {
        name: fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor', 'toString'), fc.string()),
        alias: fc.nat(60),
        isNull: fc.boolean(),
        value: wire,
      },
      { requiredKeys: [] },
    );
    const wellFormed = fc.array(metric, { maxLength: 8 }).map((metrics) => payloadOf(...metrics));
    const broken = fc.tuple(wellFormed, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
      const copy = Uint8Array.from(bytes);
      if (copy.length > 0) copy[at % copy.length] = byte;
      return copy.subarray(0, copy.length - (at % 3));
    });
    let written = 0;
    fc.assert(
      fc.property(fc.oneof(noise, wellFormed, broken), (bytes) => {
        for (const write of parse(bytes).writes) {
          written++;
          expect(writable).toContain(write.name);
          try {
            cameraOrder('belt', write, tags.value('Control/Collect/Class'));
          } catch (error) {
            expect((error as Error).name).toBe('ZodError');
          }
        }
      }),
      { numRuns: 25_000 },
    );
    expect(written).toBeGreaterThan(100);
  });
});
