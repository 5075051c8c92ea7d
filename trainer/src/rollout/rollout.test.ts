import type { DesiredMessage, RolloutMessage, UpdateStateMessage } from '@beltsight/sdk';
import { parseTopic, rolloutSchema } from '@beltsight/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, decide } from './decide.js';
import { Fleet, topicsOfName } from './fleet.js';
import { readPlan } from './plan.js';
import { firstRevision, follows, newest, resumed, withState, withWave } from './revision.js';
import { desiredBefore, desiredOf, runsRelease, type Standing, stands } from './standing.js';

const RELEASE = 'releases/_/bottles-3.json';
const OLD = 'releases/_/bottles-2.json';
const MINUTE = 60_000;
const now = new Date('2026-06-01T12:00:00Z');
const names = (count: number) => Array.from({ length: count }, (_, i) => `plant1/line1/d${i}`);
const planned = (given = {}) => readPlan(undefined, { release: RELEASE, ...given });

function say(fleet: Fleet, device: string, kind: 'updateState' | 'updateDesired' | 'status', message: unknown): void {
  const topic = parseTopic(topicsOfName(device)[kind]);
  const payload = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  if (topic) fleet.hear(topic, payload);
}

const report = (change: Partial<UpdateStateMessage>): UpdateStateMessage => ({
  schema: 'beltsight.update/1',
  at: now.toISOString(),
  state: 'idle',
  running: { release: null, modelId: 'm' },
  desired: null,
  failed: [],
  ...change,
});
const answer = (change: Partial<UpdateStateMessage> = {}) =>
  report({ rollout: { id: 'r', wave: 1 }, desired: RELEASE, ...change });
const running = { release: RELEASE, modelId: 'm3' };
const failed = [{ release: RELEASE, at: now.toISOString(), reason: 'golden/000.png scores wrong' }];
const offline = {
  schema: 'beltsight.status/1',
  state: 'offline',
  at: now.toISOString(),
  device: { site: 'plant1', line: 'line1', device: 'd0' },
  cameras: [],
};

async function scene(count: number, given = {}) {
  const devices = names(count);
  const fleet = new Fleet(devices);
  const rollout = firstRevision('r', await planned(given), devices, fleet, now);
  const ask = (device: string, wave = 1) => say(fleet, device, 'updateDesired', desiredOf(rollout, wave));
  return { devices, fleet, rollout, ask };
}

describe('a device', () => {
  const standing = async (prepare: (fleet: Fleet, device: string, rollout: RolloutMessage) => void) => {
    const { fleet, rollout } = await scene(1);
    prepare(fleet, 'plant1/line1/d0', rollout);
    return stands(rollout, fleet)[0];
  };
  const asked = (message: unknown, also: (fleet: Fleet, device: string) => void = () => undefined) =>
    standing((fleet, device, rollout) => {
      say(fleet, device, 'updateDesired', desiredOf(rollout, 1));
      say(fleet, device, 'updateState', message);
      also(fleet, device);
    });
  const isOffline = (fleet: Fleet, device: string) => say(fleet, device, 'status', offline);

  it.each<[string, Standing, unknown]>([
    ['has said nothing', 'silent', ''],
    ['says what nobody can read', 'silent', '{{'],
    ['says what is not in the schema', 'silent', { ...answer(), state: 'happy' }],
    ['has not heard of the rollout', 'silent', report({ running })],
    ['answers to another rollout', 'silent', answer({ running, rollout: { id: 'q', wave: 1 } })],
    ['fetches', 'updating', answer({ state: 'downloading' })],
    ['runs the release on probation', 'updating', answer({ state: 'probation', running })],
    ['has just begun with the release', 'updating', answer({ running, desired: null })],
    ['has confirmed', 'confirmed', answer({ running })],
    ['has failed', 'failed', answer({ state: 'failed', failed })],
    ['has failed, and looks again later', 'failed', answer({ failed })],
    ['looks whether a failure is forgiven', 'updating', answer({ state: 'checking', failed })],
    ['is held', 'held', answer({ state: 'held' })],
  ])('that %s is %s', async (_, expected, message) => {
    expect(await asked(message)).toMatchObject({ standing: expected });
  });

  it('that failed says why', async () => {
    expect(await asked(answer({ failed }))).toMatchObject({ reason: 'golden/000.png scores wrong' });
  });

  it('that is away is offline, unless it has confirmed or failed', async () => {
    expect(await asked(answer({ state: 'downloading' }), isOffline)).toMatchObject({ standing: 'offline' });
    expect(await asked('', isOffline)).toMatchObject({ standing: 'offline' });
    expect(await asked(answer({ running }), isOffline)).toMatchObject({ standing: 'confirmed' });
    expect(await asked(answer({ failed }), isOffline)).toMatchObject({ standing: 'failed' });
  });

  it('that somebody asked for something else is left alone', async () => {
    const other: DesiredMessage = { schema: 'beltsight.desired/1', release: OLD, retry: 0 };
    expect(await standing((fleet, device) => say(fleet, device, 'updateDesired', other))).toMatchObject({
      standing: 'overruled',
    });
    expect(await standing((fleet, device) => say(fleet, device, 'updateDesired', ''))).toMatchObject({
      standing: 'waiting',
    });
  });

  it('that runs the release keeps it in an abort, not while on probation', async () => {
    const { fleet, rollout } = await scene(1);
    const keeps = (message: unknown) => {
      say(fleet, 'plant1/line1/d0', 'updateState', message);
      return runsRelease(rollout, fleet.of('plant1/line1/d0'));
    };
    expect(keeps(answer({ running }))).toBe(true);
    expect(keeps(report({ running }))).toBe(true);
    expect(keeps(answer({ running, state: 'probation' }))).toBe(false);
    expect(keeps(answer({ running: { release: OLD, modelId: 'm2' } }))).toBe(false);
    expect(keeps('')).toBe(false);
  });

  it('of another rollout is not looked at', async () => {
    const { fleet } = await scene(1);
    say(fleet, 'plant2/line1/d0', 'updateState', answer());
    expect(fleet.of('plant2/line1/d0')).toEqual({});
  });
});

describe('what is desired before', () => {
  it('is kept once for all that share it, and asked for again; nothing is nothing', async () => {
    const devices = names(5);
    const fleet = new Fleet(devices);
    const other: DesiredMessage = { schema: 'beltsight.desired/1', release: OLD, retry: 2 };
    for (const device of devices.slice(0, 3)) say(fleet, device, 'updateDesired', other);
    const rollout = firstRevision('r', await planned(), devices, fleet, now);
    expect(rolloutSchema.parse(JSON.parse(JSON.stringify(rollout)))).toEqual(rollout);
    expect(rollout.before).toEqual([{ desired: other, devices: devices.slice(0, 3) }]);
    const before = desiredBefore(rollout);
    expect(before('plant1/line1/d2')).toEqual(other);
    expect(before('plant1/line1/d3')).toEqual({ schema: 'beltsight.desired/1', release: null, retry: 0 });
    expect(stands(rollout, fleet).every(({ standing }) => standing === 'waiting')).toBe(true);
  });
});

describe('a rollout', () => {
  it('needs devices, and waves that have all of them', async () => {
    const plan = await planned({ waves: ['50 %'] });
    expect(() => firstRevision('r', plan, [], new Fleet([]), now)).toThrow('No device reports');
    expect(() => firstRevision('r', plan, names(4), new Fleet([]), now)).toThrow('2 of 4 devices');
  });

  it('follows the plan that made it and no other', async () => {
    const { rollout, fleet } = await scene(10);
    const later = withWave(rollout, 2, now);
    expect(follows(later, await planned(), fleet)).toBe(true);
    expect(follows(later, await planned({ site: 'plant1' }), fleet)).toBe(true);
    for (const other of [
      { release: OLD },
      { retry: 1 },
      { waves: [1, '100 %'] },
      { site: 'plant2' },
      { devices: names(3) },
      { stopAt: 1 },
    ]) {
      expect(follows(later, await planned(other), fleet)).toBe(false);
    }
  });
});

describe('the next step', () => {
  const wave = (size: number) => ({ waves: [size, '100 %'], stopAt: '20 %', confirmed: '80 %' });

  it('is to ask the devices of the wave, and none of later ones', async () => {
    const { rollout, fleet } = await scene(10, wave(3));
    const decision = decide(rollout, stands(rollout, fleet), 0) as Decision & { what: 'ask' };
    expect(decision.what).toBe('ask');
    expect(decision.stands.map(({ device }) => device)).toEqual(rollout.waves[0]?.devices);
  });

  const told = async (size: number, messages: readonly unknown[], elapsedMs = 0, away: readonly number[] = []) => {
    const { rollout, fleet, ask } = await scene(20, wave(size));
    rollout.waves[0]?.devices.forEach((device, i) => {
      ask(device);
      say(fleet, device, 'updateState', messages[i] ?? '');
      if (away.includes(i)) say(fleet, device, 'status', offline);
    });
    return decide(rollout, stands(rollout, fleet), elapsedMs);
  };
  const good = answer({ running });
  const bad = answer({ failed });

  it('is to wait while devices are under way, also when enough have confirmed', async () => {
    expect(await told(5, [good, good, good, good])).toEqual({ what: 'wait', ms: 60 * MINUTE });
    expect(await told(5, [good, good], 50 * MINUTE)).toEqual({ what: 'wait', ms: 10 * MINUTE });
  });

  it('is the next wave when all have confirmed, or enough and no more are to be expected', async () => {
    expect(await told(5, [good, good, good, good, good])).toEqual({ what: 'begin', wave: 2 });
    expect(await told(5, [good, good, good, good], 0, [4])).toEqual({ what: 'begin', wave: 2 });
    expect(await told(5, [good, good, good, good], 60 * MINUTE)).toEqual({ what: 'begin', wave: 2 });
  });

  it('is to wait for a device that is away, where too few have confirmed, but not for ever', async () => {
    expect(await told(5, [good, good, good], 0, [3, 4])).toMatchObject({ what: 'wait' });
    expect(await told(5, [good, good, good], 60 * MINUTE, [3, 4])).toEqual({
      what: 'pause',
      reason: expect.stringMatching(/^3 of 5 devices of wave 1 confirmed, 4 must within 60 minutes: .* is offline/),
    });
  });

  it('is to pause when too many have failed, at once', async () => {
    expect(await told(5, [bad])).toEqual({
      what: 'pause',
      reason: expect.stringMatching(/^1 of 5 devices failed: .* is failed \(golden\/000.png scores wrong\)$/),
    });
    // One of ten is less than a fifth.
    expect(await told(10, [bad])).toMatchObject({ what: 'wait' });
    expect(await told(10, [bad, bad])).toMatchObject({ what: 'pause' });
  });

  it('is to pause when too few can still confirm', async () => {
    const { rollout, fleet, ask } = await scene(10, { waves: ['100 %'], stopAt: 9, confirmed: '90 %' });
    rollout.waves[0]?.devices.forEach((device, i) => {
      ask(device);
      say(fleet, device, 'updateState', i < 2 ? bad : '');
    });
    expect(decide(rollout, stands(rollout, fleet), 0)).toEqual({
      what: 'pause',
      reason: expect.stringContaining('0 of 10 devices of wave 1 confirmed, 9 must, and 2 failed'),
    });
  });

  it('after a resume leaves out who had failed', async () => {
    const { rollout, fleet, ask } = await scene(3, { waves: ['100 %'] });
    rollout.waves[0]?.devices.forEach((device, i) => {
      ask(device);
      say(fleet, device, 'updateState', i === 0 ? bad : good);
    });
    const paused = withState(rollout, 'paused', now, 'x'.repeat(9000));
    expect(rolloutSchema.parse(paused)).toMatchObject({ revision: 2, state: 'paused' });
    const left = stands(paused, fleet).filter(({ standing }) => standing === 'failed');
    const again = resumed(paused, left, now);
    expect(again).not.toHaveProperty('reason');
    expect(decide(again, stands(again, fleet), 0)).toEqual({ what: 'finish' });
  });

  it('leads to an end, whatever devices do, and never to a wave after one that was not passed', async () => {
    const plan = await planned({ waves: [1, '10 %', '50 %', '100 %'], stopAt: '10 %' });
    const fates = ['good', 'bad', 'silent', 'garbage', 'away', 'slow', 'other'] as const;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...fates, 'good', 'good', 'good'), { minLength: 1, maxLength: 40 }),
        (all) => {
          const devices = names(all.length);
          const fateOf = new Map(devices.map((device, i) => [device, all[i]]));
          const fleet = new Fleet(devices);
          let rollout: RolloutMessage = firstRevision('r', plan, devices, fleet, now);
          let elapsed = 0;
          for (let steps = 0; steps < 500; steps++) {
            const seen = stands(rollout, fleet);
            const decision = decide(rollout, seen, elapsed);
            if (decision.what === 'ask') {
              for (const { device, wave: of } of decision.stands) {
                expect(of).toBe(rollout.current.wave);
                const fate = fateOf.get(device);
                const desired = desiredOf(rollout, of);
                say(fleet, device, 'updateDesired', fate === 'other' ? { ...desired, release: OLD } : desired);
                if (fate === 'good') say(fleet, device, 'updateState', good);
                if (fate === 'bad') say(fleet, device, 'updateState', bad);
                if (fate === 'slow') say(fleet, device, 'updateState', answer({ state: 'downloading' }));
                if (fate === 'garbage') say(fleet, device, 'updateState', '\u0000{');
                if (fate === 'away') say(fleet, device, 'status', offline);
              }
            } else if (decision.what === 'wait') {
              expect(decision.ms).toBeGreaterThan(0);
              elapsed += decision.ms;
            } else if (decision.what === 'begin' || decision.what === 'finish') {
              const members = seen.filter((each) => each.wave === rollout.current.wave);
              const confirmed = members.filter(({ standing }) => standing === 'confirmed').length;
              expect(confirmed).toBeGreaterThanOrEqual(members.length * 0.9 - 1e-9);
              if (decision.what === 'finish') return;
              rollout = withWave(rollout, decision.wave, now);
              elapsed = 0;
            } else {
              expect(seen.some(({ standing }) => standing !== 'confirmed')).toBe(true);
              const later = seen.filter((each) => each.wave > rollout.current.wave);
              expect(later.every(({ standing }) => standing === 'waiting')).toBe(true);
              return;
            }
          }
          expect.unreachable('it hangs');
        },
      ),
    );
  });
});

describe('revisions', () => {
  it('leave the same, in whatever order they are heard', async () => {
    const { rollout } = await scene(4);
    const change = fc.constantFrom<(from: RolloutMessage) => RolloutMessage>(
      (from) => withWave(from, Math.min(from.current.wave + 1, 4), now),
      (from) => withState(from, 'paused', now, 'a'),
      (from) => withState(from, 'paused', now, 'b'),
      (from) => withState(from, 'aborted', now),
      (from) => withState(from, 'done', now),
      (from) => resumed(from, [], now),
    );
    const history = fc.array(fc.tuple(fc.nat(), change), { maxLength: 12 }).map((changes) => {
      const all = [rollout];
      for (const [from, make] of changes) all.push(make(all[from % all.length] as RolloutMessage));
      return all;
    });
    fc.assert(
      fc.property(history, fc.gen(), (all, gen) => {
        const heard = gen(() => fc.shuffledSubarray(all, { minLength: all.length }));
        const left = heard.reduce(newest);
        expect(left).toEqual(all.reduce(newest));
        expect(left.revision).toBe(Math.max(...all.map(({ revision }) => revision)));
      }),
    );
  });

  it('that were made at once: the one that stops more holds', async () => {
    const { rollout } = await scene(4);
    const next = withWave(rollout, 2, now);
    const paused = withState(rollout, 'paused', now);
    expect(newest(next, paused)).toBe(paused);
    expect(newest(withState(rollout, 'aborted', now), paused)).toMatchObject({ state: 'aborted' });
    expect(newest(resumed(paused, [], now), withState(paused, 'aborted', now))).toMatchObject({ state: 'aborted' });
  });
});
