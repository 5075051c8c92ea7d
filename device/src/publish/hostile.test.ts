import { describe, expect, it } from 'vitest';
import { fireAt } from '../../../test/support/fire.js';
import { keepStatusRight } from './own-status.js';
import type { Listener } from './publisher.js';

describe('what a device subscribes to', () => {
  it('its own status: survives 100,000 hostile payloads', () => {
    let hear: Listener = () => undefined;
    const subscribe = (_: string, listener: Listener) => {
      hear = listener;
    };
    const leave = keepStatusRight({ subscribe }, 'status', () => undefined);
    const status = {
      schema: 'beltsight.status/1',
      state: 'online',
      at: '2026-01-01T00:00:00.000Z',
      device: { site: 's', line: 'l', device: 'd' },
    };
    const { thrown, grownBytes } = fireAt(hear, [Buffer.from(JSON.stringify(status))], 100_000);
    leave();
    expect(thrown).toEqual([]);
    expect(grownBytes).toBeLessThan(16 * 2 ** 20);
  });
});
