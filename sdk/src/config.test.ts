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
});
