import type { AlarmMessage, CameraStatus, ResultMessage, StatusMessage, Verdict } from '@beltsight/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { announcer } from './announce.js';
import { leftOut } from './cameras.js';
import { ageText, freshnessOf } from './freshness.js';
import { type CameraState, emptyState, type Limits, type State } from './model.js';
import { PageClock } from './page-clock.js';
import { type Change, reduce, Store } from './store.js';
import { cameraTrouble, troubleOf } from './trouble.js';

const limits: Limits = { results: 5, rejects: 3, cameras: 2, staleMs: 5000, holdMs: 800 };
const address = { site: 's', line: 'l', device: 'd' };
const KEY = 's/l/d/belt';
const T = Date.parse('2026-01-01T12:00:00Z');

let number = 0;
const result = (verdict: Verdict, at = T, camera = 'belt'): ResultMessage => ({
  schema: 'beltsight.result/1',
  id: `0190f3a4-0000-7000-8000-${String(number++).padStart(12, '0')}`,
  camera,
  frame: { sequence: 0, capturedAt: new Date(at).toISOString() },
  verdict,
  score: 0.5,
  threshold: verdict === 'unknown' ? null : 1,
  pValue: null,
  class: { name: 'cap', source: 'recognised', distance: 0.1 },
  modelId: 'm',
  latencyMs: 0,
});
const status = (change: Partial<StatusMessage> = {}, at = T): StatusMessage => ({
  schema: 'beltsight.status/1',
  state: 'online',
  at: new Date(at).toISOString(),
  device: address,
  ...change,
});
const camera = (change: Partial<CameraStatus> = {}): CameraStatus => ({
  name: 'belt',
  state: 'running',
  frames: 0,
  dropped: 0,
  inspected: 0,
  rateHz: 0,
  ...change,
});
const tells = (...cameras: CameraStatus[]): Change => ({ type: 'status', address, status: status({ cameras }) });
const alarm = (state: AlarmMessage['state'], id = 'a'): AlarmMessage => ({
  schema: 'beltsight.alarm/1',
  id,
  camera: 'belt',
  kind: 'reject-rate',
  state,
  since: new Date(T).toISOString(),
  at: new Date(T).toISOString(),
  value: 0.2,
  limit: 0.1,
  message: 'Look.',
});

const up: Change = { type: 'connection', state: 'up' };
const said = (message: ResultMessage): Change => ({ type: 'result', address, result: message });
type Timed = Change | readonly [Change, number];
const after = (...changes: readonly Timed[]): State =>
  changes.reduce<State>(
    (state, each) => {
      const [change, at] = Array.isArray(each) ? (each as [Change, number]) : [each as Change, T];
      return reduce(state, change, at);
    },
    emptyState(limits, T),
  );
const belt = (state: State) => state.cameras.get(KEY) as CameraState;

describe('what is kept of a camera', () => {
  it('is the last results, and the last rejects for longer', () => {
    const state = after(said(result('reject')), ...Array.from({ length: 9 }, () => said(result('pass'))));
    expect(belt(state).points.map(({ verdict }) => verdict)).toEqual(Array(5).fill('pass'));
    expect(belt(state).rejects).toHaveLength(1);
    expect(belt(state)).toMatchObject({ inspected: 10, notPassed: 1 });
  });

  it('stays within its bounds whatever comes', () => {
    const verdict = fc.constantFrom<Verdict>('pass', 'reject', 'unknown');
    const camera = fc.constantFrom('a', 'b', 'c', 'd');
    fc.assert(
      fc.property(fc.array(fc.tuple(verdict, camera), { maxLength: 60 }), (results) => {
        const state = after(...results.map(([each, name]) => said(result(each, T, name))));
        expect(state.cameras.size).toBeLessThanOrEqual(2);
        for (const { points, rejects } of state.cameras.values()) {
          expect(points.length).toBeLessThanOrEqual(5);
          expect(rejects.length).toBeLessThanOrEqual(3);
        }
      }),
    );
  });

  it('gives the place of a camera that was only remembered to one that is there', () => {
    const kept = (name: string): Change => ({ type: 'kept', kept: { address, camera: name, points: [], rejects: [] } });
    const names = (...changes: readonly Timed[]) => [...after(...changes).cameras.values()].map(({ name }) => name);
    const remembered = [kept('old'), kept('older'), kept('oldest')];
    expect(names(...remembered)).toEqual(['old', 'older']);
    expect(names(...remembered, said(result('pass')))).toEqual(['belt', 'old']);
    expect(names(...remembered, tells(camera(), camera({ name: 'older' })))).toEqual(['belt', 'older']);
  });

  it('is told of no more cameras than have a place, and counts the others', () => {
    const named = (...all: string[]) => tells(...all.map((name) => camera({ name })));
    const state = after(named('a', 'b', 'c', 'd'), said(result('pass', T, 'c')));
    expect([...state.cameras.values()].map(({ name }) => name)).toEqual(['a', 'b']);
    expect(leftOut(state)).toBe(2);
    expect(leftOut(after(named('a', 'b')))).toBe(0);
  });

  it('is not lost to devices that went long ago', () => {
    const gone = Array.from({ length: 300 }, (_, i): Change => {
      const scrapped = { ...address, device: `gone-${i}` };
      return { type: 'status', address: scrapped, status: status({ state: 'offline' }) };
    });
    const state = after(...gone, tells(camera()));
    expect(state.devices.get('s/l/d')?.status.state).toBe('online');
    expect(state.devices.size).toBeLessThanOrEqual(256);
  });

  it('comes before what was said since, each result once', () => {
    const [old, both, fresh] = [result('reject'), result('pass'), result('pass')];
    const kept = after(said(old), said(both));
    const { points, rejects } = belt(kept);
    const state = after(said(both), said(fresh), { type: 'kept', kept: { address, camera: 'belt', points, rejects } });
    expect(belt(state).points.map(({ id }) => id)).toEqual([old.id, both.id, fresh.id]);
    expect(belt(state).rejects.map(({ id }) => id)).toEqual([old.id]);
    expect(belt(state).inspected).toBe(2);
  });
});

describe('the verdict shown', () => {
  const verdictAfter = (...changes: readonly Timed[]) => belt(after(...changes)).shown?.result.verdict;

  it('is the last one, but a reject stays for people to see', () => {
    const passed: Change = said(result('pass'));
    expect(verdictAfter(said(result('reject')), [passed, T + 100])).toBe('reject');
    expect(verdictAfter(said(result('reject')), [said(result('unknown')), T + 100])).toBe('unknown');
    expect(verdictAfter(said(result('reject')), [passed, T + 900])).toBe('pass');
  });

  it('gives way when its time is over, without another result', () => {
    const held: readonly Timed[] = [said(result('reject')), [said(result('pass')), T + 100]];
    expect(verdictAfter(...held, [{ type: 'tick' }, T + 700])).toBe('reject');
    expect(verdictAfter(...held, [{ type: 'tick' }, T + 800])).toBe('pass');
  });

  it('holds a reject from when it came, however often it was looked at since', () => {
    const ticks = Array.from({ length: 40 }, (_, i): Timed => [{ type: 'tick' }, T + 250 * (i + 1)]);
    const rejected = after(said(result('reject')));
    expect(reduce(rejected, { type: 'tick' }, T + 250)).toBe(rejected);
    expect(verdictAfter(said(result('reject')), ...ticks, [said(result('pass')), T + 10_100])).toBe('pass');
  });
});

describe('freshness', () => {
  const fresh = (state: State, at: number) => freshnessOf(state, belt(state), at);

  it('ends after the configured time', () => {
    const state = after(up, said(result('pass')));
    expect(fresh(state, T + 5000)).toEqual({ state: 'live', ageMs: 5000 });
    expect(fresh(state, T + 5001)).toEqual({ state: 'old', ageMs: 5001 });
  });

  it('ends at once with the broker or the device', () => {
    const gone: Change = { type: 'connection', state: 'down' };
    expect(fresh(after(up, said(result('pass')), gone), T).state).toBe('old');
    const offline: Change = { type: 'status', address, status: status({ state: 'offline' }) };
    expect(fresh(after(up, said(result('pass')), offline), T).state).toBe('old');
  });

  it('ends at once with a camera that failed, ended or is paused', () => {
    const told = (change: Partial<CameraStatus>) => fresh(after(up, said(result('pass')), tells(camera(change))), T);
    expect(told({}).state).toBe('live');
    for (const change of [{ state: 'failed' }, { state: 'ended' }, { paused: true }] as const) {
      expect(told(change).state).toBe('old');
    }
  });

  it('is told from when a result was made, not from when it came: what waited on the device is no news', () => {
    const live: Change = { type: 'status', address, status: status() };
    expect(fresh(after(up, live, said(result('pass', T - 60_000))), T)).toEqual({ state: 'old', ageMs: 60_000 });
  });

  const spoke = (madeAt: number, at: number): Timed => [{ type: 'status', address, status: status({}, madeAt) }, at];

  it('ends where results and statuses come equally late', () => {
    const late = Array.from({ length: 10 }, (_, i) => i * 10_000).flatMap<Timed>((lateMs) => {
      const at = T + 2 * lateMs;
      return [spoke(at - lateMs, at), [said(result('pass', at - lateMs)), at]];
    });
    expect(fresh(after(up, ...late), T + 180_000)).toEqual({ state: 'old', ageMs: 90_000 });
  });

  it('is not told by a status from before an outage, which the broker kept', () => {
    const end = T + 600_000;
    const state = after(up, spoke(T, T), spoke(T, end), [said(result('pass', T)), end]);
    expect(fresh(state, end)).toEqual({ state: 'old', ageMs: 600_000 });
  });

  it('comes back after the clock of a device was put back', () => {
    const statuses = Array.from({ length: 61 }, (_, i) => spoke(T + (i - 60) * 10_000, T + i * 10_000));
    const at = T + 600_000;
    const state = after(up, spoke(T, T), ...statuses, [said(result('pass', T)), at]);
    expect(fresh(state, at)).toEqual({ state: 'live', ageMs: 0 });
  });

  it('does not mind a device whose clock is wrong', () => {
    const wrong = T - 86_400_000;
    const live: Change = { type: 'status', address, status: status({}, wrong) };
    expect(fresh(after(up, live, said(result('pass', wrong))), T)).toEqual({ state: 'live', ageMs: 0 });
    expect(fresh(after(up, live, said(result('pass', wrong - 7000))), T)).toEqual({ state: 'old', ageMs: 7000 });
  });

  it('has words for any age', () => {
    expect([0, 99_000, 100_000, 6_000_000, 200_000_000].map(ageText)).toEqual(['0 s', '99 s', '1 min', '1 h', '2 d']);
  });
});

describe('a clock of the screen that is set', () => {
  /** A screen whose clock is ahead by that much until it is set right after 31 s; a device that says something every 10 s, and inspects. */
  function screen(aheadMs: number) {
    let passedMs = 0;
    const date = () => T + passedMs + (passedMs < 31_000 ? aheadMs : 0);
    const store = new Store(emptyState(limits, date()), new PageClock(date, () => passedMs));
    store.change(up);
    const second = (inspects: boolean) => {
      passedMs += 1000;
      if (passedMs % 10_000 === 0) {
        store.change({ type: 'status', address, status: status({ cameras: [camera()] }, T + passedMs) });
      }
      if (inspects) store.change(said(result('pass', T + passedMs)));
      else store.change({ type: 'tick' });
      return freshnessOf(store.current, belt(store.current), store.now);
    };
    for (let i = 0; i < 29; i++) second(true);
    return { store, second, set: () => (passedMs = 31_000) };
  }
  const HOUR_MS = 3_600_000;

  it('makes nothing new that is old, and keeps all ages, where it is put back', () => {
    const { store, second } = screen(HOUR_MS);
    const { devices, connection } = store.current;
    const ages = Array.from({ length: 3700 }, () => second(false));
    expect(ages.slice(0, 5).map(({ state }) => state)).toEqual(Array(5).fill('live'));
    expect(new Set(ages.slice(5).map(({ state }) => state))).toEqual(new Set(['old']));
    expect(ages.at(-1)).toEqual({ state: 'old', ageMs: 3_700_000 });
    const { points, latest } = belt(store.current);
    expect([points.at(-1)?.at, latest?.at, latest?.since]).toEqual(Array(3).fill(T + 29_000));
    expect(store.current.connection.since).toBe(connection.since - HOUR_MS);
    const before = devices.get('s/l/d')?.cameras.get('belt')?.since as number;
    expect(store.current.devices.get('s/l/d')).toMatchObject({
      stateSince: before - HOUR_MS,
      cameras: new Map([['belt', { condition: 'running', since: before - HOUR_MS }]]),
    });
    expect(second(true)).toEqual({ state: 'live', ageMs: 0 });
  });

  it('is not seen before all that is kept has gone with it', () => {
    const { store, set } = screen(HOUR_MS);
    set();
    expect(freshnessOf(store.current, belt(store.current), store.now)).toEqual({ state: 'live', ageMs: 2000 });
  });

  it('has results old until the next status where it is put forward: the screen may have slept', () => {
    const { store, second } = screen(-HOUR_MS);
    expect(second(true).state).toBe('live');
    const states = Array.from({ length: 10 }, () => second(true).state);
    expect(states).toEqual([...Array(9).fill('old'), 'live']);
    expect(belt(store.current).latest?.at).toBe(T + 40_000);
  });
});

describe('trouble', () => {
  it('counts from when the broker went, over all attempts', () => {
    const lost: Change = { type: 'connection', state: 'down', reason: 'Refused.' };
    const state = after(up, [lost, T + 1000], [lost, T + 9000]);
    expect(troubleOf(state)).toMatchObject({ title: 'BROKER GONE', since: T + 1000 });
    expect(troubleOf(reduce(state, up, T + 10_000))).toMatchObject({ title: 'NO DEVICE YET', level: 'wait' });
  });

  it('names the device that is gone, and the camera that failed, with the reason', () => {
    const degraded = after(up, tells(camera({ state: 'failed', error: 'No signal.' })));
    expect(cameraTrouble(degraded, belt(degraded))).toMatchObject({ title: 'CAMERA FAILED', text: 'No signal.' });
    const offline = reduce(degraded, { type: 'status', address, status: status({ state: 'offline' }) }, T + 5);
    expect(cameraTrouble(offline, belt(offline))).toMatchObject({ title: 'DEVICE OFFLINE', since: T + 5 });
    expect(troubleOf(offline)).toBeUndefined();
  });

  it('counts from when that camera failed, not another one or the device', () => {
    const left = camera({ name: 'left', state: 'failed' });
    const state = after(
      up,
      [tells(left, camera()), T + 1000],
      [tells(left, camera({ state: 'failed' })), T + 2000],
      [tells(left, camera({ state: 'failed' })), T + 3000],
    );
    expect(cameraTrouble(state, belt(state))).toMatchObject({ title: 'CAMERA FAILED', since: T + 2000 });
    const again = [tells(left, camera({ paused: true })), tells(left, camera({ paused: true }))].reduce(
      (before, change, i) => reduce(before, change, T + 4000 + i),
      state,
    );
    expect(cameraTrouble(again, belt(again))).toMatchObject({ title: 'PAUSED', since: T + 4000 });
    expect(cameraTrouble(again, again.cameras.get('s/l/d/left') as CameraState)).toMatchObject({ since: T + 1000 });
  });

  it('is a paused camera, too, but for one that failed', () => {
    const told = (change: Partial<CameraStatus>) => {
      const state = after(up, said(result('pass')), tells(camera({ paused: true, ...change })));
      return cameraTrouble(state, belt(state));
    };
    expect(told({})).toMatchObject({ level: 'wait', title: 'PAUSED' });
    expect(told({ state: 'failed' })).toMatchObject({ title: 'CAMERA FAILED' });
  });
});

describe('alarms', () => {
  const told = (state: 'sent' | 'refused', id = 'a'): Change => ({
    type: 'acknowledgement',
    camera: KEY,
    acknowledgement: { alarm: id, state, text: state },
  });
  const raised: Change = { type: 'alarm', address, alarm: alarm('raised') };

  it('stay until they are cleared, with what came of acknowledging them', () => {
    const state = after(raised, told('sent'), { type: 'alarm', address, alarm: alarm('acknowledged') });
    expect(state.alarms.get(KEY)).toMatchObject({
      message: { state: 'acknowledged' },
      acknowledgement: { state: 'sent' },
    });
    expect(reduce(state, { type: 'alarm', address, alarm: alarm('cleared') }, T).alarms.size).toBe(0);
  });

  it('are shown of more cameras than have a place, and first of all those that nobody has seen', () => {
    const of = (camera: string, state: AlarmMessage['state']): Change => ({
      type: 'alarm',
      address,
      alarm: { ...alarm(state, camera), camera },
    });
    const seen = Array.from({ length: 1024 }, (_, i) => of(`c${i}`, 'acknowledged'));
    const state = after(...seen, of('new', 'raised'));
    expect(state.alarms.size).toBe(1024);
    expect([...state.alarms.values()].filter(({ message }) => message.state === 'raised')).toHaveLength(1);
  });

  it('do not take the answer that another alarm got', () => {
    expect(after(raised, told('refused', 'other')).alarms.get(KEY)?.acknowledgement).toBeUndefined();
    const next: Change = { type: 'alarm', address, alarm: alarm('raised', 'b') };
    expect(after(raised, told('sent'), next).alarms.get(KEY)?.acknowledgement).toBeUndefined();
  });
});

describe('judgements', () => {
  it('stay as long as the reject that they are of', () => {
    const rejects = Array.from({ length: limits.rejects + 1 }, () => result('reject'));
    const [first, ...others] = rejects.map(said) as [Change, ...Change[]];
    const judged = (at: number): Change => ({
      type: 'judgement',
      result: rejects[at]?.id as string,
      answer: { state: 'taken', text: '' },
    });
    const before = after(first, judged(0));
    expect(before.judgements.get(rejects[0]?.id as string)).toMatchObject({ state: 'taken' });
    const later = [...others, judged(1)].reduce((state, change) => reduce(state, change, T), before);
    expect([...later.judgements.keys()]).toEqual([rejects[1]?.id]);
  });
});

describe('announcements', () => {
  it('say changes and rejects, with pauses in which a listener can take them in', () => {
    const { next } = announcer();
    const passing = after(said(result('pass')));
    expect(next(belt(passing), T)).toMatch(/^belt: pass, cap/);
    expect(next(belt(after(said(result('pass')))), T + 10_000)).toBeUndefined();
    const rejected = after(said(result('reject')));
    expect(next(belt(rejected), T + 1000)).toBeUndefined();
    expect(next(belt(rejected), T + 3000)).toMatch(/^belt: reject/);
    expect(next(belt(rejected), T + 9000)).toBeUndefined();
    expect(next(belt(after(said(result('reject')))), T + 9000)).toMatch(/^belt: reject/);
    const failing = { ...result('reject'), score: Number.MAX_VALUE };
    expect(next(belt(after(said(failing))), T + 20_000)).toBe('belt: reject, cap');
    // The clock was put back meanwhile.
    expect(next(belt(after(said(result('reject')))), T - 1000)).toMatch(/^belt: reject/);
  });
});

describe('the store', () => {
  it('tells listeners of each change', () => {
    const store = new Store(
      emptyState(limits, T),
      new PageClock(
        () => T,
        () => 0,
      ),
    );
    const seen: string[] = [];
    store.listen((state, { type }) => seen.push(`${type} ${state.connection.state}`));
    store.change(up);
    store.change({ type: 'tick' });
    expect(seen).toEqual(['connection up', 'tick up']);
  });
});
