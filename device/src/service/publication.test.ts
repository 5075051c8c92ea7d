import { resultSchema, topicsOf } from '@beltsight/sdk';
import { decide } from '@beltsight/sdk/bundle';
import { describe, expect, it, vi } from 'vitest';
import type { Frame } from '../camera/frame.js';
import { deviceConfigSchema } from '../config/schema.js';
import type { Inspection } from '../score/scorer.js';
import { heatmapOf } from './pictures.js';
import { resultMessage, resultOf } from './publication.js';

const device = { site: 's', line: 'l', device: 'd' };
const cameraOf = (more = {}) =>
  deviceConfigSchema.parse({
    ...device,
    bundle: 'none',
    broker: { url: 'mqtt://127.0.0.1' },
    cameras: [{ name: 'belt', source: { type: 'test' }, ...more }],
  }).cameras[0] as never;
const inspection = { verdict: 'pass', score: 1, threshold: 2, pValue: 0.5, className: 'cap' } as Inspection;
const publish = (frame: Partial<Frame>, count?: number, camera = cameraOf(), said = inspection) => {
  const result = resultOf({ sequence: 1, ...frame } as Frame, said, 'belt', count);
  return { result, message: resultMessage(result, camera, topicsOf(device)) };
};

describe('a result', () => {
  it('tells when a frame was taken by the clock of the day, and its age though that was set since', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const capturedMs = performance.now() - 50;
      for (const setBy of [3_600_000, -3_600_000]) {
        vi.setSystemTime(Date.now() + setBy);
        const { result } = publish({ capturedMs });
        expect(result.latencyMs).toBeGreaterThanOrEqual(50);
        expect(result.latencyMs).toBeLessThan(60_000);
        const age = Date.now() - Date.parse(result.frame.capturedAt);
        expect(age).toBeGreaterThanOrEqual(49);
        expect(age).toBeLessThan(60_000);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it('expires where the configuration wants it, and only there', () => {
    const expiryOf = (camera = cameraOf()) =>
      publish({ capturedMs: performance.now() }, 1, camera).message.options.properties?.messageExpiryInterval;
    expect(expiryOf(cameraOf({ resultExpirySeconds: 90 }))).toBe(90);
    expect(expiryOf()).toBeUndefined();
  });

  it.each([
    ['a recipe', 'nut'],
    ['no recipe', undefined],
  ])('honours its schema whatever the model gives, with %s', (_, recipe) => {
    const nut = { name: 'nut', centroid: [1, 0], maxDistance: 0.1, threshold: 0.5, calibration: [0.1] };
    const classes = [{ ...nut, falseRejectRate: { wanted: 0.1, attained: 0.5 } }];
    for (const score of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const first of [1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const embedding = Float32Array.of(first, 0);
        const map = { width: 1, height: 1, values: Float32Array.of(score) };
        const decision = decide({ score, embedding }, { classes }, recipe);
        const said: Inspection = { modelId: 'm', score, map, embedding, ...decision };
        const { message, result } = publish({ capturedMs: performance.now() }, 1, cameraOf(), said);
        expect(heatmapOf(result.id, said).length).toBeGreaterThan(0);
        const published = resultSchema.parse(JSON.parse(String(message.payload)));
        expect(published.score).toBe(Number.MAX_VALUE);
        expect(published.verdict).not.toBe('pass');
      }
    }
  });

  it('carries the number of the inspection where there is one', () => {
    const frame = { capturedMs: performance.now() };
    expect(publish(frame, 7).result.count).toBe(7);
    expect(publish(frame).result).not.toHaveProperty('count');
  });
});
