import { isDeepStrictEqual } from 'node:util';
import { BeltsightError, type DesiredMessage, type RolloutMessage } from '@beltsight/sdk';
import type { Fleet } from './fleet.js';
import type { Plan } from './plan.js';
import type { Stand } from './standing.js';
import { assign, isAmong } from './waves.js';

const RANK = { running: 0, done: 1, paused: 2, aborted: 3 } as const;
const REASON_LENGTH = 4096;

/**
 * Which of two messages of a rollout holds: the higher revision; where two made the same at once, the one that stops more. Whatever the order in which
 * somebody hears messages, what is left in the end is the same.
 */
export function newest(a: RolloutMessage, b: RolloutMessage): RolloutMessage {
  const order =
    a.revision - b.revision ||
    RANK[a.state] - RANK[b.state] ||
    a.current.wave - b.current.wave ||
    (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  return order > 0 ? a : b;
}

/**
 * The first revision of a rollout.
 * @param devices all that it is for
 * @throws BeltsightError ARGUMENT_INVALID if there is none, or one would be in no wave
 */
export function firstRevision(id: string, plan: Plan, devices: readonly string[], fleet: Fleet, now: Date) {
  if (devices.length === 0) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      'No device reports on this broker where the rollout shall be: check site and line, and that devices have `update` in their configuration.',
    );
  }
  const waves = assign(id, devices, plan.waves).map((members, i) => ({
    confirmed: plan.waves[i]?.confirmed ?? plan.confirmed,
    withinMinutes: plan.waves[i]?.withinMinutes ?? plan.withinMinutes,
    devices: members,
  }));
  const assigned = new Set(waves.flatMap((wave) => wave.devices));
  const left = devices.filter((device) => !assigned.has(device));
  if (left.length > 0) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `${left.length} of ${devices.length} devices, such as ${left[0]}, are in no wave: let the last wave be 100 %.`,
    );
  }
  const { release, retry, window, stopAt } = plan;
  const first: RolloutMessage = {
    schema: 'beltsight.rollout/1',
    id,
    revision: 1,
    at: now.toISOString(),
    state: 'running',
    release,
    retry,
    ...(window ? { window } : {}),
    stopAt,
    waves,
    current: { wave: 1, since: now.toISOString() },
    excused: [],
    before: beforeOf(id, devices, fleet),
  };
  return first;
}

/** Whether a rollout does what a plan says, for the devices that it has. */
export function follows(rollout: RolloutMessage, plan: Plan, fleet: Fleet): boolean {
  const has = rollout.waves.flatMap(({ devices }) => devices);
  const wanted = plan.devices ?? has.filter((device) => isAmong(plan, device));
  const terms = ({ release, retry, window, stopAt, waves }: RolloutMessage) => ({
    release,
    retry,
    window,
    stopAt,
    waves,
  });
  if (wanted.length !== has.length) return false;
  return isDeepStrictEqual(terms(firstRevision(rollout.id, plan, wanted, fleet, new Date())), terms(rollout));
}

/** The next revision, with the next wave. */
export function withWave(rollout: RolloutMessage, wave: number, now: Date): RolloutMessage {
  return next(rollout, now, { current: { wave, since: now.toISOString() } });
}

/** The next revision, in another state. */
export function withState(
  rollout: RolloutMessage,
  state: Exclude<RolloutMessage['state'], 'running'>,
  now: Date,
  reason?: string,
): RolloutMessage {
  return next(rollout, now, { state, ...(reason === undefined ? {} : { reason: reason.slice(0, REASON_LENGTH) }) });
}

/** The next revision, which goes on: the time of the wave begins anew, and some devices are not counted any more. */
export function resumed(rollout: RolloutMessage, excused: readonly Stand[], now: Date): RolloutMessage {
  return next(rollout, now, {
    state: 'running',
    current: { ...rollout.current, since: now.toISOString() },
    excused: [...new Set([...rollout.excused, ...excused.map(({ device }) => device)])].sort(),
  });
}

function next({ reason: _, ...rollout }: RolloutMessage, now: Date, change: Partial<RolloutMessage>): RolloutMessage {
  return { ...rollout, revision: rollout.revision + 1, at: now.toISOString(), ...change };
}

/** What is desired of devices, where something is: the same once. */
function beforeOf(id: string, devices: readonly string[], fleet: Fleet): RolloutMessage['before'] {
  const groups: { desired: DesiredMessage; devices: string[] }[] = [];
  for (const device of devices) {
    const { desired } = fleet.of(device);
    if (!desired || desired.rollout?.id === id) continue;
    const group = groups.find((each) => isDeepStrictEqual(each.desired, desired));
    if (group) group.devices.push(device);
    else groups.push({ desired, devices: [device] });
  }
  return groups;
}
