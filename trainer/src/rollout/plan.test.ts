import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Plan, readPlan } from './plan.js';
import { assign, isAmong } from './waves.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-plan-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function planIn(text: string, given = {}) {
  const file = join(folder, 'plan.yaml');
  await writeFile(file, text);
  return readPlan(file, given);
}

describe('a plan', () => {
  it('needs a release alone', async () => {
    expect(await readPlan(undefined, { release: 'bottles-3' })).toMatchObject({
      release: 'releases/_/bottles-3.json',
      waves: [
        { amount: { devices: 1 } },
        { amount: { share: 0.1 } },
        { amount: { share: 0.5 } },
        { amount: { share: 1 } },
      ],
      confirmed: 0.9,
      withinMinutes: 60,
      stopAt: { share: 0.05 },
    });
  });

  it('is read from a file, and the command line counts before it', async () => {
    const text = `
release: releases/plant1/bottles-3.json
site: plant1
waves: [2, 10 %, { amount: 100 %, line: line1, confirmed: 100 % }, 100 %]
stopAt: 3
window: { from: "22:00", to: "05:00" }
`;
    expect(await planIn(text, { stopAt: '20%', confirmed: '80 %' })).toMatchObject({
      release: 'releases/plant1/bottles-3.json',
      site: 'plant1',
      waves: [{ amount: { devices: 2 } }, {}, { amount: { share: 1 }, line: 'line1', confirmed: 1 }, {}],
      stopAt: { share: 0.2 },
      confirmed: 0.8,
      withinMinutes: 1500,
    });
  });

  it.each([
    ['release: bottles', 'release: "bottles" is no release: write <name>-<version>'],
    ['release: b-1\nwaves: [0]', '"0" is no amount of devices'],
    ['release: b-1\nwaves: [120 %]', '"120 %" is no amount'],
    ['release: b-1\nwaves: []', 'waves'],
    ['release: b-1\nconfirmed: 3', 'confirmed: write a share, such as "90 %", not 3'],
    ['release: b-1\nstopat: 3', 'did you mean "stopAt"?'],
    ['release: b-1\ndevices: [jetson7]', 'a device is <site>/<line>/<device>'],
    ['release: b-1\nwindow: { from: "25:00", to: "05:00" }', 'a time of day'],
    ['release: [', 'is no YAML'],
    ['', 'plan.yaml'],
  ])('is refused with what is wrong with it: %s', async (text, message) => {
    const file = planIn(text);
    await expect(file).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) });
  });
});

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const fleet = fc.uniqueArray(
  fc.tuple(name, name, fc.nat(40)).map(([site, line, n]) => `${site}/${line}/d${n}`),
  {
    minLength: 1,
    maxLength: 120,
  },
);
const amount = fc.oneof(
  fc.integer({ min: 1, max: 50 }).map((devices) => ({ devices })),
  fc.integer({ min: 1, max: 100 }).map((percent) => ({ share: percent / 100 })),
);
const waves = fc.array(fc.record({ amount, site: fc.option(name, { nil: undefined }) }), {
  minLength: 1,
  maxLength: 6,
});

describe('devices of waves', () => {
  it('are the same whoever assigns them, and each is in one wave', () => {
    fc.assert(
      fc.property(fleet, waves, fc.gen(), (devices, planned, gen) => {
        const shuffled = gen(() => fc.shuffledSubarray(devices, { minLength: devices.length }));
        const assigned = assign('r', devices, planned);
        expect(assign('r', shuffled, planned)).toEqual(assigned);
        expect(new Set(assigned.flat()).size).toBe(assigned.flat().length);
        expect(assigned).toHaveLength(planned.length);
        assigned.forEach((members, i) => {
          for (const device of members) expect(isAmong(planned[i] as Plan['waves'][number], device)).toBe(true);
        });
      }),
    );
  });

  it('with those before them are as many as the plan says', () => {
    fc.assert(
      fc.property(fleet, fc.array(amount, { minLength: 1, maxLength: 6 }), (devices, amounts) => {
        const assigned = assign(
          'r',
          devices,
          amounts.map((each) => ({ amount: each })),
        );
        let most = 0;
        amounts.forEach((each, i) => {
          const wanted = 'devices' in each ? each.devices : each.share * devices.length * (1 - 1e-12);
          most = Math.max(most, Math.min(devices.length, Math.ceil(wanted)));
          expect(assigned.slice(0, i + 1).flat()).toHaveLength(most);
        });
      }),
    );
  });

  it('are others in another rollout', () => {
    const devices = Array.from({ length: 100 }, (_, i) => `s/l/d${i}`);
    const first = (rollout: string) => assign(rollout, devices, [{ amount: { devices: 10 } }])[0];
    expect(first('spring')).not.toEqual(first('summer'));
  });

  it('are all devices at 100 %, whatever is written before', () => {
    const devices = Array.from({ length: 7 }, (_, i) => `s/l/d${i}`);
    const shares = [0.07, 0.1, 0.29, 0.5, 1].map((share) => ({ amount: { share } }));
    expect(assign('r', devices, shares).map(({ length }) => length)).toEqual([1, 0, 2, 1, 3]);
  });
});
