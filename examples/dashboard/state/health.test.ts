import type { CameraStatus } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import { furtherFigures, healthOf } from './health.js';
import type { DeviceState } from './model.js';

describe('further figures of a status', () => {
  it('are worded with their units, whatever a newer device tells', () => {
    expect(
      furtherFigures({
        schema: 'x',
        cameras: [],
        spool: { messages: 1200, bytes: 3 * 2 ** 20, dropped: { picture: 3, result: 0 }, fault: 'Disk full.' },
        metrics: { temperatures: { cpu: 61.4 }, eventLoopP99Ms: 3.25, stages: { model: { p50Ms: 1 } } },
      }),
    ).toEqual([
      { name: 'spool messages', value: '1,200' },
      { name: 'spool', value: '3.0 MB' },
      { name: 'spool dropped picture', value: '3', bad: true },
      { name: 'spool fault', value: 'Disk full.', bad: true },
      { name: 'temperatures cpu', value: '61 °C' },
      { name: 'event loop p99', value: '3.25 ms' },
    ]);
  });

  it('are none where the status tells nothing more', () => {
    expect(furtherFigures({ schema: 'x', state: 'online', at: 'now', provider: 'cpu' })).toEqual([]);
  });
});

describe('the health of a camera', () => {
  it('names that it is paused', () => {
    const camera = { name: 'belt', frames: 0, dropped: 0, inspected: 0, rateHz: 0 };
    const told = (change: Pick<CameraStatus, 'state' | 'error' | 'paused'>) =>
      healthOf(
        { status: { state: 'online', cameras: [{ ...camera, ...change }] } } as unknown as DeviceState,
        'belt',
      ).find(({ name }) => name === 'camera');
    expect(told({ state: 'running' })).toMatchObject({ value: 'running', bad: false });
    expect(told({ state: 'running', paused: true })).toMatchObject({ value: 'paused', bad: false });
    expect(told({ state: 'failed', error: 'No signal.', paused: true })).toMatchObject({
      value: 'failed: No signal.',
      bad: true,
    });
  });
});
