import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pulse } from './pulse.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Pulse', () => {
  it('makes one pulse of those that overlap, as long as the last of them', async () => {
    const set = vi.fn();
    const pulse = new Pulse({ set }, vi.fn());
    pulse.trigger(100);
    await vi.advanceTimersByTimeAsync(60);
    pulse.trigger(100);
    // A shorter one does not end it earlier.
    pulse.trigger(10);
    await vi.advanceTimersByTimeAsync(99);
    expect(set).not.toHaveBeenCalledWith(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(set).toHaveBeenLastCalledWith(false);
    pulse.trigger(20);
    expect(set).toHaveBeenLastCalledWith(true);
    const finished = vi.fn();
    void pulse.finished().then(finished);
    await vi.advanceTimersByTimeAsync(21);
    expect(set).toHaveBeenLastCalledWith(false);
    expect(finished).toHaveBeenCalled();
    await pulse.finished();
  });

  it('tells of a line that cannot be switched off, and can be asked again', () => {
    const failed = vi.fn();
    const set = vi.fn((active: boolean) => {
      if (!active) throw new Error('stuck');
    });
    const pulse = new Pulse({ set }, failed);
    pulse.trigger(10);
    pulse.end();
    expect(failed).toHaveBeenCalledTimes(1);
    pulse.trigger(10);
    expect(set).toHaveBeenLastCalledWith(true);
    pulse.end();
  });
});
