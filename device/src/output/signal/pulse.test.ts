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

  it('tries again to switch off a line that does not obey, tells of it once, and is finished when it is off', async () => {
    const [failed, finished] = [vi.fn(), vi.fn()];
    let stuck = true;
    const set = vi.fn((active: boolean) => {
      if (!active && stuck) throw new Error('stuck');
    });
    const pulse = new Pulse({ set }, failed);
    pulse.trigger(10);
    void pulse.finished().then(finished);
    await vi.advanceTimersByTimeAsync(60_000);
    // It may take the driver a while to find out, and nothing else happens meanwhile.
    expect(set.mock.calls.length).toBeLessThan(60);
    expect(failed).toHaveBeenCalledTimes(1);
    expect(finished).not.toHaveBeenCalled();
    stuck = false;
    await vi.advanceTimersByTimeAsync(5000);
    expect(set).toHaveBeenLastCalledWith(false);
    expect(finished).toHaveBeenCalled();
    set.mockClear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(set).not.toHaveBeenCalled();
  });

  it('goes on with a trigger while a line does not obey, and gives up when it is ended', async () => {
    const failed = vi.fn();
    const set = vi.fn((active: boolean) => {
      if (!active) throw new Error('stuck');
    });
    const pulse = new Pulse({ set }, failed);
    pulse.trigger(10);
    await vi.advanceTimersByTimeAsync(20);
    pulse.trigger(1000);
    set.mockClear();
    await vi.advanceTimersByTimeAsync(990);
    expect(set).not.toHaveBeenCalled();
    pulse.end();
    expect(failed).toHaveBeenCalledTimes(2);
    await pulse.finished();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(set).toHaveBeenCalledTimes(1);
  });
});
