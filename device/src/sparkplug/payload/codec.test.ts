import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPayload } from '../../../../test/support/sparkplug/decode.js';
import { decodePayload, encodePayload, type Metric } from './codec.js';
import { DATA_TYPES, type DataType, fromWire, toWire, type Value } from './datatype.js';
import { decodeRecord, encodeRecord } from './record.js';

/** A value of each data type, as metrics hold it. */
const typed: fc.Arbitrary<[DataType, Exclude<Value, null>]> = fc.oneof(
  fc.tuple(fc.constant('Int32' as const), fc.integer()),
  fc.tuple(fc.constantFrom('Int64' as const, 'DateTime' as const), fc.maxSafeInteger()),
  fc.tuple(fc.constant('Double' as const), fc.double({ noNaN: true, noDefaultInfinity: true })),
  fc.tuple(fc.constant('Boolean' as const), fc.boolean()),
  fc.tuple(fc.constant('String' as const), fc.string({ unit: 'binary' })),
  fc.tuple(fc.constant('File' as const), fc.uint8Array()),
);
const metric: fc.Arbitrary<Metric> = fc.record(
  {
    name: fc.string({ unit: 'grapheme' }),
    alias: fc.nat(),
    timestamp: fc.nat(2 ** 31),
    isHistorical: fc.boolean(),
    value: typed.map(([type, value]) => toWire(type, value)),
  },
  { requiredKeys: [] },
);

describe('payloads', () => {
  it('come back as they were', () => {
    const payload = fc.record({
      timestamp: fc.maxSafeInteger().map(Math.abs),
      seq: fc.nat(255),
      metrics: fc.array(metric),
    });
    fc.assert(
      fc.property(payload, (sent) => {
        expect(decodePayload(encodePayload(sent))).toEqual(sent);
      }),
    );
  });

  it('are read by another codec with the same values', () => {
    const entries = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), typed), { maxLength: 20 });
    fc.assert(
      fc.property(entries, fc.nat(255), (list, seq) => {
        const metrics = list.map(([name, [type, value]], alias) => ({
          name,
          alias,
          datatype: DATA_TYPES[type],
          properties: { description: { type: 'String' as const, value: name } },
          value: toWire(type, value),
        }));
        const read = readPayload(encodePayload({ timestamp: 1, seq, metrics }));
        expect(read.seq).toBe(seq);
        for (const [i, [name, [type, value]]] of list.entries()) {
          const found = read.metrics[i];
          expect([found?.name, found?.alias, found?.datatype]).toEqual([name, i, DATA_TYPES[type]]);
          if (type === 'File')
            expect(Buffer.from(found?.value as Uint8Array)).toEqual(Buffer.from(value as Uint8Array));
          else if (type === 'Int32') expect((found?.value as number) | 0).toBe(value);
          else if (type === 'Int64' || type === 'DateTime')
            expect(BigInt.asIntN(64, BigInt(found?.value as number))).toBe(
              BigInt.asIntN(64, BigInt(Number(BigInt.asUintN(64, BigInt(value as number))))),
            );
          else expect(found?.value).toBe(value);
          expect(found?.properties).toEqual({ keys: ['description'], types: [DATA_TYPES.String] });
        }
      }),
    );
  });

  it('keep every value of a data type', () => {
    fc.assert(
      fc.property(typed, ([type, value]) => {
        expect(fromWire(type, toWire(type, value))).toEqual(value);
      }),
    );
  });

  it('cut short or garbled are read or refused, never more', () => {
    const bytes = encodePayload({ timestamp: 1, seq: 1, metrics: [{ name: 'a', value: toWire('String', 'text') }] });
    for (let length = 0; length < bytes.length; length++) {
      const read = decodePayload(bytes.subarray(0, length));
      expect(read === undefined || read.metrics.length <= 1).toBe(true);
    }
    expect(decodePayload(Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x07))).toBeUndefined();
  });

  it('of other fields skip them', () => {
    // A data set (field 17 of a metric) of two bytes, then the name "n".
    const inner = [0x8a, 0x01, 0x02, 0x08, 0x01, 0x0a, 0x01, 0x6e];
    expect(decodePayload(Uint8Array.of(0x12, inner.length, ...inner))).toEqual({ metrics: [{ name: 'n' }] });
  });
});

describe('stored results', () => {
  it('come back with values and time', () => {
    const values = { a: 'text', b: null, c: 1.5, d: -7, e: true, f: Uint8Array.of(1, 2) };
    const types: Record<string, DataType> = {
      a: 'String',
      b: 'Double',
      c: 'Double',
      d: 'Int64',
      e: 'Boolean',
      f: 'File',
    };
    expect(decodeRecord(encodeRecord({ at: 5, values }, (name) => types[name]))).toEqual({ at: 5, values });
  });

  it('that are damaged are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const found = decodeRecord(bytes);
        if (found) expect(typeof found.at).toBe('number');
      }),
    );
    expect(decodeRecord(Uint8Array.of())).toBeUndefined();
  });
});
