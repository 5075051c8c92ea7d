import type { CameraStatus, StatusMessage } from '@beltsight/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from './heartbeat.js';
import { heartbeatSchema } from './schema.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function heartbeatOf(config: object = {}) {
  const beats: number[] = [];
  const levels: boolean[] = [];
  const chip = { broken: false };
  const set = (level: boolean) => {
    if (chip.broken) throw new Error('broken');
    levels.push(level);
  };
  const work = { busyMs: 0 };
  const failed = vi.fn();
  const heartbeat = new Heartbeat({
    config: heartbeatSchema.parse({ periodMs: 100, ...config }),
    busyMs: () => work.busyMs,
    beat: (number) => beats.push(number),
    line: { set },
    failed,
  });
  const say = (...cameras: (CameraStatus['state'] | 'paused')[]) =>
    heartbeat.status({
      cameras: cameras.map((each) => (each === 'paused' ? { state: 'running', paused: true } : { state: each })),
    } as StatusMessage);
  return { heartbeat, beats, levels, chip, work, failed, say };
}

describe('Heartbeat', () => {
  it('counts and makes a square wave while cameras inspect', () => {
    const { heartbeat, beats, levels, say } = heartbeatOf();
    vi.advanceTimersByTime(300);
    expect(beats).toEqual([]);
    say('running', 'running');
    vi.advanceTimersByTime(400);
    expect(beats).toEqual([1, 2, 3, 4]);
    expect(levels).toEqual([true, false, true, false]);
    heartbeat.close();
  });

  it.each([
    ['all', ['running', 'failed'], false],
    ['any', ['running', 'failed'], true],
    ['any', ['ended', 'failed'], false],
    ['all', ['starting'], false],
    ['all', ['running', 'paused'], false],
    ['any', ['running', 'paused'], true],
    ['any', ['paused'], false],
  ] as const)('with "%s" and cameras %j beats: %s', (cameras, states, beating) => {
    const { heartbeat, beats, say } = heartbeatOf({ cameras });
    say(...states);
    vi.advanceTimersByTime(500);
    expect(beats.length > 0).toBe(beating);
    heartbeat.close();
  });

  it('stops at the low level while a frame is stuck, and goes on from its number', () => {
    const { heartbeat, beats, levels, work, say } = heartbeatOf({ stuckMs: 1000 });
    say('running');
    vi.advanceTimersByTime(100);
    work.busyMs = 1000;
    vi.advanceTimersByTime(500);
    expect([beats, levels]).toEqual([[1], [true, false]]);
    work.busyMs = 0;
    vi.advanceTimersByTime(100);
    expect(beats).toEqual([1, 2]);
    heartbeat.close();
    expect(levels.at(-1)).toBe(false);
    vi.advanceTimersByTime(500);
    expect(beats).toEqual([1, 2]);
  });

  it('comes to the low level also when its line fails at the stop', () => {
    const { heartbeat, levels, chip, say } = heartbeatOf();
    say('running');
    vi.advanceTimersByTime(100);
    say('paused');
    chip.broken = true;
    vi.advanceTimersByTime(500);
    expect(levels).toEqual([true]);
    chip.broken = false;
    vi.advanceTimersByTime(500);
    expect(levels).toEqual([true, false]);
    heartbeat.close();
  });

  it('tells once that its line fails, until it obeys again', () => {
    const { heartbeat, levels, chip, failed, say } = heartbeatOf();
    say('running');
    vi.advanceTimersByTime(100);
    chip.broken = true;
    vi.advanceTimersByTime(500);
    say('paused');
    vi.advanceTimersByTime(500);
    expect(failed).toHaveBeenCalledTimes(1);
    chip.broken = false;
    vi.advanceTimersByTime(100);
    expect(levels).toEqual([true, false]);
    chip.broken = true;
    say('running');
    vi.advanceTimersByTime(500);
    expect(failed).toHaveBeenCalledTimes(2);
    heartbeat.close();
  });
});
