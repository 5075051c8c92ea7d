import type { Verdict } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { selfTest } from './self-test.js';

/** Unit vector at this cosine distance from [1, 0], to the other side where it is negative. */
const at = (distance: number) => {
  const x = 1 - Math.abs(distance);
  return [x, Math.sign(distance) * Math.sqrt(1 - x ** 2)];
};
const classOf = (name: string, centroid: readonly number[], threshold: number) => ({
  name,
  centroid,
  maxDistance: 0.1,
  threshold,
  calibration: [0.1],
  falseRejectRate: { wanted: 0.1, attained: 0.5 },
});

/** The self-test of one golden sample that the trainer scored 0.3; class "nut" lies at 0.2 and rejects from 0.1 on. */
async function tested(wanted: Verdict, distance: number, score = 0.3001, threshold = 0.5) {
  const image = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const manifest = {
    name: 'two',
    tolerance: 0.02,
    golden: [{ image: 'golden/000.png', class: 'cap', score: 0.3, verdict: wanted }],
    classes: [classOf('cap', [1, 0], threshold), classOf('nut', at(0.2), 0.1)],
  } as unknown as BundleManifest;
  const output = { score, map: new Float32Array(1), embedding: Float32Array.from(at(distance)) };
  await selfTest(
    manifest,
    async () => output,
    async () => image,
  );
}

const fails = /self-test of bundle "two" failed/;

describe('selfTest', () => {
  it('takes the verdict that the trainer got, and no other', async () => {
    await tested('pass', 0.01);
    await expect(tested('reject', 0.01)).rejects.toThrow(fails);
    await expect(tested('unknown', 0.01)).rejects.toThrow(fails);
    await expect(tested('pass', 0.01, 0.33)).rejects.toThrow(fails);
    await expect(tested('pass', 0.01, Number.NaN)).rejects.toThrow(fails);
  });

  it('takes either where the score lies at the threshold', async () => {
    await tested('pass', 0.01, 0.3001, 0.29);
    await tested('reject', 0.01, 0.3001, 0.31);
    await expect(tested('unknown', 0.01, 0.3001, 0.3)).rejects.toThrow(fails);
  });

  it('takes either where the product lies at the edge of its class', async () => {
    await tested('pass', -0.1001);
    await tested('unknown', -0.0999);
    await expect(tested('pass', -0.103)).rejects.toThrow(fails);
    await expect(tested('unknown', -0.097)).rejects.toThrow(fails);
    await expect(tested('reject', -0.1001)).rejects.toThrow(fails);
  });

  it('takes either where two classes are equally near, one of which would reject it', async () => {
    await tested('pass', 0.0514);
    await tested('reject', 0.0512);
    await expect(tested('reject', 0.049)).rejects.toThrow(fails);
    await expect(tested('pass', 0.054)).rejects.toThrow(fails);
  });
});
