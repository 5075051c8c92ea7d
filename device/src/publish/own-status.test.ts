import type { IPublishPacket } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepStatusRight } from './own-status.js';
import type { Listener } from './publisher.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setUp() {
  let hear: Listener = () => undefined;
  let published = 0;
  const subscribe = (_: string, listener: Listener) => {
    hear = listener;
  };
  const leave = keepStatusRight({ subscribe }, 'status', () => published++);
  const say = (state: string) => {
    const device = { site: 's', line: 'l', device: 'd' };
    const status = { schema: 'beltsight.status/1', state, at: '2026-01-01T00:00:00.000Z', device };
    hear({ payload: Buffer.from(JSON.stringify(status)) } as IPublishPacket);
  };
  return { say, leave, published: () => published };
}

describe('keepStatusRight', () => {
  it('has the status published again when the broker says offline, and only then', () => {
    const { say, published } = setUp();
    for (const state of ['online', 'starting', 'degraded', 'nonsense']) say(state);
    vi.advanceTimersByTime(2000);
    expect(published()).toBe(0);
    say('offline');
    vi.advanceTimersByTime(0);
    expect(published()).toBe(1);
  });

  it('answers a flood once a second, and its last message too', () => {
    const { say, published } = setUp();
    for (let ms = 0; ms < 3000; ms += 10) {
      say('offline');
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(2000);
    expect(published()).toBe(4);
  });

  it('leaves the last word to a device that goes', () => {
    const { say, leave, published } = setUp();
    say('offline');
    leave();
    say('offline');
    vi.advanceTimersByTime(2000);
    expect(published()).toBe(0);
  });
});
