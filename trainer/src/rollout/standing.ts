import { isDeepStrictEqual } from 'node:util';
import type { DesiredMessage, RolloutMessage } from '@beltsight/sdk';
import type { Fleet, Sight } from './fleet.js';

/**
 * How a device stands in a rollout:
 * - `waiting`: it was not asked yet, or put back
 * - `silent`: it was asked, and has not answered
 * - `updating`: it has answered, and is under way
 * - `confirmed`: the release runs, and has proved itself
 * - `failed`: the release was tried, and is not tried again
 * - `held`: somebody forbids it updates
 * - `offline`: it is away, and has not confirmed
 * - `overruled`: somebody asked it for something else since
 */
export type Standing = (typeof STANDINGS)[number];
export const STANDINGS = [
  'waiting',
  'silent',
  'updating',
  'confirmed',
  'failed',
  'held',
  'offline',
  'overruled',
] as const;

export interface Stand {
  readonly device: string;
  /** From 1. */
  readonly wave: number;
  readonly standing: Standing;
  /** Somebody decided to go on without it. */
  readonly excused: boolean;
  /** In the device's own words. */
  readonly reason?: string;
}

const NOTHING_DESIRED: DesiredMessage = { schema: 'beltsight.desired/1', release: null, retry: 0 };

/** What the rollout asks of the devices of a wave. */
export function desiredOf({ id, release, window, retry }: RolloutMessage, wave: number): DesiredMessage {
  return { schema: 'beltsight.desired/1', release, ...(window ? { window } : {}), rollout: { id, wave }, retry };
}

/** What was desired of each device before the rollout; where that was nothing, a message that says so. */
export function desiredBefore({ before }: RolloutMessage): (device: string) => DesiredMessage {
  const known = new Map(before.flatMap(({ desired, devices }) => devices.map((device) => [device, desired] as const)));
  return (device) => known.get(device) ?? NOTHING_DESIRED;
}

/** All devices of a rollout, in the order of its waves. */
export function stands(rollout: RolloutMessage, fleet: Fleet): Stand[] {
  const excused = new Set(rollout.excused);
  const before = desiredBefore(rollout);
  return rollout.waves.flatMap(({ devices }, i) =>
    devices.map((device) => ({
      device,
      wave: i + 1,
      excused: excused.has(device),
      ...standingOf(rollout, before(device), fleet.of(device)),
    })),
  );
}

/** Whether a device runs the release and is not on probation with it: also one that has begun anew since, and says no more than that. */
export function runsRelease({ release }: RolloutMessage, { report }: Sight): boolean {
  return report?.running.release === release && report.state !== 'probation';
}

function standingOf(
  rollout: RolloutMessage,
  before: DesiredMessage,
  { report, desired, offline }: Sight,
): Pick<Stand, 'standing' | 'reason'> {
  if (!isAsked(rollout, desired)) {
    const free = desired === undefined || isDeepStrictEqual(desired, before);
    return { standing: free ? 'waiting' : 'overruled' };
  }
  if (report?.rollout?.id !== rollout.id) return { standing: offline ? 'offline' : 'silent' };
  const reason = report.reason === undefined ? {} : { reason: report.reason };
  const failure = report.failed.findLast(({ release }) => release === rollout.release);
  // While it looks, a failure may be about to be forgiven.
  if (failure && AT_REST.has(report.state) && report.running.release !== rollout.release) {
    return { standing: 'failed', reason: failure.reason };
  }
  const confirmed =
    report.state === 'idle' && report.running.release === rollout.release && report.desired === rollout.release;
  if (confirmed) return { standing: 'confirmed' };
  if (offline) return { standing: 'offline', ...reason };
  return { standing: report.state === 'held' ? 'held' : 'updating', ...reason };
}

const AT_REST: ReadonlySet<string> = new Set(['idle', 'failed', 'held']);

/** Whether what is desired of a device is what the rollout desires. */
export function isAsked({ id, release }: RolloutMessage, desired: DesiredMessage | undefined): boolean {
  return desired?.rollout?.id === id && desired.release === release;
}
