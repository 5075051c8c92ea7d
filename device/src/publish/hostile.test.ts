import { describe, expect, it } from 'vitest';
import { fireAt } from '../../../test/support/fire.js';
import { Encoder } from '../output/signal/encoder.js';
import { keepStatusRight } from './own-status.js';
import type { Listener } from './publisher.js';

const HEAP_GROWTH_BYTES = 16 * 2 ** 20;

/** A subscription's listener, caught. */
function subscription() {
  const caught: { listener?: Listener } = {};
  const subscribe = (_: string, listener: Listener) => {
    caught.listener = listener;
  };
  return { subscribe, listener: () => caught.listener as Listener };
}

const STATUS = {
  schema: 'beltsight.status/1',
  state: 'online',
  at: '2026-01-01T00:00:00.000Z',
  device: { site: 's', line: 'l', device: 'd' },
};

// The listener of commands is tried in command/mqtt/listener.test.ts.
describe('what a device subscribes to', () => {
  it('its own status: survives 100,000 hostile payloads', () => {
    const { subscribe, listener } = subscription();
    const leave = keepStatusRight({ subscribe }, 'status', () => undefined);
    const { thrown, grownBytes } = fireAt(listener(), [Buffer.from(JSON.stringify(STATUS))], 100_000);
    leave();
    expect(thrown).toEqual([]);
    expect(grownBytes).toBeLessThan(HEAP_GROWTH_BYTES);
  });

  it('the count of an encoder: survives 100,000 hostile payloads, and says once that it is none', async () => {
    const { subscribe, listener } = subscription();
    const told = { warnings: 0, moves: 0 };
    const logger = { warn: () => told.warnings++, error: () => told.warnings++ } as never;
    const encoder = new Encoder({
      config: { topic: 'plc/encoder' } as never,
      distance: 100,
      maxLateMs: 50,
      logger,
      subscribe,
      moved: () => told.moves++,
      anew: () => undefined,
    });
    const { thrown, grownBytes } = fireAt(listener(), [Buffer.from('12345'), Buffer.from('-7')], 100_000);
    await new Promise((resolve) => setImmediate(resolve));
    encoder.close();
    expect(thrown).toEqual([]);
    expect(grownBytes).toBeLessThan(HEAP_GROWTH_BYTES);
    expect(told.warnings).toBeGreaterThan(0);
    expect(told.moves).toBeGreaterThan(0);
  });
});
