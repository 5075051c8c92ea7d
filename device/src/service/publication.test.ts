import { topicsOf } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../camera/frame.js';
import { deviceConfigSchema } from '../config/schema.js';
import type { Inspection } from '../score/scorer.js';
import { publicationOf } from './publication.js';

const device = { site: 's', line: 'l', device: 'd' };
const [camera] = deviceConfigSchema.parse({
  ...device,
  bundle: 'none',
  broker: { url: 'mqtt://127.0.0.1' },
  cameras: [{ name: 'belt', source: { type: 'test' }, heatmaps: 'none' }],
}).cameras as [never];
const inspection = { verdict: 'pass', score: 1, threshold: 2, pValue: 0.5, className: 'cap' } as Inspection;
const publish = (frame: Partial<Frame>, count?: number) =>
  publicationOf({ sequence: 1, ...frame } as Frame, undefined, inspection, camera, 'model', topicsOf(device), count);

describe('publicationOf', () => {
  it('knows the age of a frame though the clock was set since its capture', async () => {
    const capturedMs = performance.now() - 50;
    for (const setBy of [3_600_000, -3_600_000]) {
      const { result } = await publish({ capturedAt: Date.now() - 50 + setBy, capturedMs });
      expect(result.latencyMs).toBeGreaterThanOrEqual(50);
      expect(result.latencyMs).toBeLessThan(1_800_000);
    }
  });

  it('carries the number of the inspection where there is one', async () => {
    const frame = { capturedAt: Date.now() };
    expect((await publish(frame, 7)).result.count).toBe(7);
    expect((await publish(frame)).result).not.toHaveProperty('count');
  });
});
