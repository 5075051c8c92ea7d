import type { UpdateStateMessage } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import { Action } from './action.js';
import { feedbackOf, hasSwitched, mayStillSwitch } from './progress.js';

const RELEASE = 'releases/_/bottles-3.json';
const OTHER = 'releases/_/bottles-2.json';

const message = (change: Partial<UpdateStateMessage>): UpdateStateMessage => ({
  schema: 'beltsight.update/1',
  at: '2026-06-01T12:00:00Z',
  state: 'idle',
  running: { release: OTHER, modelId: '0123456789abcdef' },
  desired: RELEASE,
  failed: [],
  ...change,
});
const rollout = { id: 'hawkbit-7', wave: 0 };
const running = { release: RELEASE, modelId: 'fedcba9876543210' };

describe('a state of the updater', () => {
  it.each<[Partial<UpdateStateMessage>, string | undefined]>([
    [{ state: 'idle', running }, 'closed success'],
    [{ state: 'held', running }, 'closed success'],
    [{ state: 'failed', reason: 'scores wrong' }, 'closed failure'],
    [{ state: 'failed', desired: OTHER, reason: 'scores wrong' }, undefined],
    [{ state: 'probation', running }, 'proceeding none'],
    [{ state: 'probation', desired: OTHER }, undefined],
    [{ state: 'checking' }, undefined],
    [{ state: 'idle' }, undefined],
    [{ state: 'idle', desired: null, reason: 'the repository cannot be read' }, 'proceeding none'],
    [{ state: 'held', reason: 'Updates are held' }, 'scheduled none'],
    [{ state: 'waiting', reason: 'It switches from 22:00 on.' }, 'downloaded none'],
    [{ state: 'downloading', progress: { bytes: 5, totalBytes: 10 } }, 'download none'],
  ])('%j means %s', (change, expected) => {
    const feedback = feedbackOf({ release: RELEASE, fresh: true }, message(change));
    expect(feedback && `${feedback.execution} ${feedback.finished}`).toBe(expected);
  });

  it('from before the release was wanted ends nothing', () => {
    const old = { release: RELEASE, fresh: false };
    expect(feedbackOf(old, message({ state: 'failed', reason: 'scores wrong' }))).toBeUndefined();
    expect(feedbackOf(old, message({ running }))).toBeUndefined();
  });

  it('tells whether a release that is no longer wanted may still come', () => {
    expect(mayStillSwitch(RELEASE, message({ state: 'testing' }))).toBe(true);
    expect(mayStillSwitch(RELEASE, message({ state: 'testing', desired: OTHER }))).toBe(false);
    expect(mayStillSwitch(undefined, message({ state: 'testing', desired: OTHER }))).toBe(true);
    expect(mayStillSwitch(RELEASE, message({ state: 'waiting' }))).toBe(false);
    expect(hasSwitched(RELEASE, message({ state: 'probation', running }))).toBe(true);
    expect(hasSwitched(RELEASE, message({ state: 'probation' }))).toBe(false);
    expect(hasSwitched(undefined, message({ state: 'probation' }))).toBe(true);
  });
});

describe('an action', () => {
  it('is told each thing once, and not more than hawkBit takes, but always its end', () => {
    const action = new Action(7, { release: RELEASE });
    let told = 0;
    for (let i = 0; i < 1000; i++) {
      const news = action.news(true, message({ reason: `attempt ${i}` }));
      if (!news) continue;
      action.told(news);
      expect(action.news(true, message({ reason: `attempt ${i}` }))).toBeUndefined();
      told++;
    }
    expect(told).toBe(200);
    expect(action.news(true, message({ running, rollout }))).toMatchObject({ execution: 'closed' });
  });

  it('for the same release as before ends when the updater has looked again', () => {
    const action = new Action(7, { release: RELEASE });
    const failed = message({ state: 'failed', reason: 'scores wrong', rollout: { id: 'hawkbit-6', wave: 0 } });
    expect(action.news(true, failed)).toBeUndefined();
    expect(action.news(true, { ...failed, rollout })).toMatchObject({ finished: 'failure' });
  });
});
