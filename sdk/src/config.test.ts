import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from './config.js';

const schema = z.strictObject({
  site: z.string(),
  cameras: z.array(z.strictObject({ name: z.string(), rateHz: z.number().optional() })).default([]),
});

describe('parseConfig', () => {
  it('names every wrong key, where it is, and the nearest known one', () => {
    const config = { sit: 'a', cameras: [{ name: 'x', rateHZ: 3 }, { name: 4 }] };
    expect(() => parseConfig(schema, config, 'device.yaml')).toThrow(
      /device\.yaml[\s\S]*site: [\s\S]*"cameras\.0\.rateHZ"; did you mean "rateHz"[\s\S]*cameras\.1\.name[\s\S]*"sit"; did you mean "site"/,
    );
  });

  it('lists what is known where nothing is near, and says when there is no configuration at all', () => {
    expect(() => parseConfig(schema, { site: 'a', elephants: 1 }, 'f')).toThrow(/"elephants"; known are site, cameras/);
    expect(() => parseConfig(schema, null, 'f')).toThrow(/expected object/);
  });

  describe('of a value that may have several forms', () => {
    const k = z.union([z.literal(1), z.literal(3), z.literal('full')]).default(1);
    const sync = z.union([z.literal('always'), z.number().min(0.05)]);
    const encoder = z.union([
      z.strictObject({ topic: z.string(), bits: k }),
      z.strictObject({ path: z.string(), bits: k }),
      z.string(),
    ]);
    const forms = z.strictObject({
      k,
      sync: sync.optional(),
      encoder: encoder.optional(),
      keys: z.record(z.string(), encoder).optional(),
      scales: z.array(k).optional(),
    });

    it.each([
      ['all where it is none', { k: 5 }, /- k: Invalid input: expected one of 1\|3\|"full"$/],
      ['literals and types', { sync: 'never' }, /- sync: Invalid input: expected one of "always"\|number$/],
      ['all of an item of a list', { scales: [1, 2] }, /- scales\.1: Invalid input: expected one of 1\|3\|"full"$/],
      ['the only one that it is like', { sync: 0 }, /- sync: Too small: expected number to be >=0\.05$/],
      ['the nearest', { encoder: { path: '/a', bits: 5 } }, /:\n {2}- encoder\.bits: .*expected one of 1\|3\|"full"$/],
      ['the one with the key that was meant', { encoder: { topik: 'a' } }, /"encoder\.topik"; did you mean "topic"/],
      [
        'the other one',
        { encoder: { pathh: 'a' } },
        /:\n {2}- encoder\.path: .*\n.*"encoder\.pathh"; did you mean "path"/,
      ],
      [
        'the nearest below a key of any name',
        { keys: { a: { topik: 'a' } } },
        /"keys\.a\.topik"; did you mean "topic"/,
      ],
    ])('it names %s', (_, config, message) => {
      expect(() => parseConfig(forms, config, 'f')).toThrow(message);
    });
  });

  it('says that a section is empty, and how to have its defaults where it needs no key', () => {
    const optional = z.strictObject({ groupId: z.string().optional() });
    const sections = z.strictObject({ sparkplug: optional.optional(), spool: optional.prefault({}), broker: schema });
    const config = { sparkplug: null, spool: null, broker: null };
    expect(() => parseConfig(sections, config, 'f')).toThrow(
      /- sparkplug: is empty: write \{\} for the defaults\n.*- spool: is empty: write \{\}.*\n.*- broker: is empty, where keys/,
    );
  });
});
