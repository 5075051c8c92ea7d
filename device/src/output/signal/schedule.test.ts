import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TIME } from './axis.js';
import { type Loss, Schedule } from './schedule.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function scheduleOf(options: { maxPending?: number; maxLateMs?: number } = {}) {
  const fired: { item: number; atMs: number; lateMs: number }[] = [];
  const lost: [number, Loss][] = [];
  const start = performance.now();
  const schedule = new Schedule<number>({
    axis: TIME,
    maxPending: options.maxPending ?? 100,
    maxLateMs: options.maxLateMs ?? 20,
    fire: (item, lateMs) => fired.push({ item, atMs: performance.now() - start, lateMs }),
    lost: (item, why) => lost.push([item, why]),
  });
  return { schedule, fired, lost, start };
}

describe('Schedule', () => {
  it('gives every signal at its time, in the order of their times', async () => {
    const { schedule, fired, start } = scheduleOf();
    for (const ms of [300, 100, 200, 100, 0]) schedule.push(start + ms, ms);
    await vi.advanceTimersByTimeAsync(1000);
    expect(fired.map(({ item }) => item)).toEqual([0, 100, 100, 200, 300]);
    for (const { item, atMs } of fired) {
      expect(atMs).toBeGreaterThanOrEqual(item);
      expect(atMs).toBeLessThan(item + 3);
    }
  });

  it('is not moved by a clock that is set', async () => {
    const { schedule, fired, start } = scheduleOf();
    schedule.push(start + 100, 1);
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(50);
    expect(fired).toEqual([]);
    vi.setSystemTime(Date.now() - 7_200_000);
    await vi.advanceTimersByTimeAsync(60);
    expect(fired).toHaveLength(1);
  });

  it('gives a late signal with how late it is, and a later one not at all', () => {
    const { schedule, fired, lost, start } = scheduleOf({ maxLateMs: 20 });
    schedule.push(start - 15, 1);
    schedule.push(start - 25, 2);
    expect(fired).toMatchObject([{ item: 1, lateMs: 15 }]);
    expect(lost).toEqual([[2, 'late']]);
  });

  it('loses what does not fit, and what is left when it ends', async () => {
    const { schedule, fired, lost, start } = scheduleOf({ maxPending: 2 });
    schedule.push(start + 3000, 3);
    schedule.push(start + 1000, 1);
    schedule.push(start + 2000, 2);
    expect(lost).toEqual([[3, 'full']]);
    const closed = schedule.close(1500);
    await vi.advanceTimersByTimeAsync(1600);
    await closed;
    expect(fired.map(({ item }) => item)).toEqual([1]);
    expect(lost.slice(1)).toEqual([[2, 'shutdown']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends as soon as nothing waits', async () => {
    const { schedule, fired, start } = scheduleOf();
    schedule.push(start + 100, 1);
    const ended = vi.fn();
    void schedule.close(5000).then(ended);
    await vi.advanceTimersByTimeAsync(150);
    expect(fired).toHaveLength(1);
    expect(ended).toHaveBeenCalled();
  });

  it('fires or loses everything once, whatever comes when', async () => {
    const pushes = fc.array(fc.tuple(fc.integer({ min: -50, max: 200 }), fc.nat(30)), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(pushes, async (all) => {
        const { schedule, fired, lost } = scheduleOf({ maxPending: 5, maxLateMs: 10 });
        for (const [i, [ms, wait]] of all.entries()) {
          schedule.push(performance.now() + ms, i);
          expect(schedule.size).toBeLessThanOrEqual(5);
          await vi.advanceTimersByTimeAsync(wait);
        }
        await vi.advanceTimersByTimeAsync(1000);
        const seen = [...fired.map(({ item }) => item), ...lost.map(([item]) => item)];
        expect(seen.sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
      }),
      { numRuns: 50 },
    );
  });
});
