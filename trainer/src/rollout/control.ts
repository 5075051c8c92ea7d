import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { BeltsightError, type RolloutMessage } from '@beltsight/sdk';
import { topicsOfName } from './fleet.js';
import type { Plan } from './plan.js';
import { firstRevision, follows, resumed, withState } from './revision.js';
import { type BrokerOptions, Rollout } from './rollout.js';
import { rolloutsOn } from './rollouts.js';
import { desiredBefore, isAsked, runsRelease } from './standing.js';

/** Whoever drives the rollout has heard of an abort by then, and what it had on the way has come. */
const SETTLE_MS = 500;
/** Somebody who writes at the same moment is not there that often. */
const MOST_TRIES = 10;

/**
 * Makes a rollout, or opens the one that is there.
 * @param plan undefined: it must be there
 * @throws BeltsightError ARGUMENT_INVALID if it is there with another plan, has ended, has no device, or some belong to another rollout
 */
export async function begin(
  rollout: Rollout,
  plan: Plan | undefined,
  log: (line: string) => void,
): Promise<RolloutMessage> {
  const there = existing(rollout);
  if (there) return joined(rollout, there, plan);
  if (!plan) throw new BeltsightError('ARGUMENT_INVALID', `There is no rollout ${rollout.id}: give it a release.`);
  const { devices, unreadable } = await devicesOf(rollout, plan);
  for (const device of unreadable) log(`${device} reports what nobody can read: it is left out.`);
  await rollout.watch(devices);
  await refuseShared(rollout, devices);
  // Somebody else may have begun it meanwhile.
  const meanwhile = existing(rollout);
  const first = meanwhile ?? firstRevision(rollout.id, plan, devices, rollout.fleet, new Date());
  const holds = meanwhile ?? (await rollout.ledger.write(first));
  if (isDeepStrictEqual(holds, first) && !meanwhile) return holds;
  await rollout.watch(holds.waves.flatMap((wave) => wave.devices));
  return joined(rollout, holds, plan);
}

/**
 * Begins no further wave.
 * @throws BeltsightError ARGUMENT_INVALID if there is nothing to pause
 */
export function pause(rollout: Rollout, reason: string): Promise<RolloutMessage> {
  return change(rollout, (current) => {
    if (current.state === 'paused') return undefined;
    if (current.state !== 'running') throw over(current);
    return withState(current, 'paused', new Date(), reason);
  });
}

/**
 * Goes on: without the devices that have failed, or with `skip` without all of this and earlier waves that have not confirmed.
 * @throws BeltsightError ARGUMENT_INVALID if there is nothing to resume
 */
export function resume(rollout: Rollout, skip: boolean): Promise<RolloutMessage> {
  return change(rollout, (current) => {
    if (current.state === 'running') return undefined;
    if (current.state !== 'paused') throw over(current);
    const without = rollout
      .stands()
      .filter(({ wave, standing }) => wave <= current.current.wave && standing !== 'confirmed')
      .filter(({ standing }) => skip || standing === 'failed');
    return resumed(current, without, new Date());
  });
}

/** What an abort has done. */
export interface Aborted {
  readonly rollout: RolloutMessage;
  /** Devices of which something else is desired again. */
  readonly putBack: readonly string[];
  /** Devices that have confirmed: they keep the release. */
  readonly kept: readonly string[];
}

/**
 * Ends a rollout, and desires of the devices that have not confirmed what was desired before. Can be done again: it goes on where it was ended.
 * @throws BeltsightError ARGUMENT_INVALID if there is nothing to abort, or it is done
 */
export async function abort(rollout: Rollout, reason: string): Promise<Aborted> {
  const current = await change(rollout, (now) => {
    if (now.state === 'aborted') return undefined;
    if (now.state === 'done') throw over(now);
    return withState(now, 'aborted', new Date(), reason);
  });
  const putBack = new Set<string>();
  const before = desiredBefore(current);
  const isKept = (device: string) => runsRelease(current, rollout.fleet.of(device));
  // What another had on its way to devices may come after the first look.
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const asked = rollout.fleet.devices.filter((device) => isAsked(current, rollout.fleet.of(device).desired));
    const back = asked.filter((device) => !isKept(device));
    if (back.length === 0) return { rollout: current, putBack: [...putBack], kept: asked };
    await rollout.session.retain(back.map((device) => [topicsOfName(device).updateDesired, before(device)] as const));
    for (const device of back) putBack.add(device);
    await settle(rollout);
  }
  throw new BeltsightError(
    'BROKER_UNREACHABLE',
    'What is desired of devices does not stay on the broker: check that the user may write and read update/desired of all devices, and abort again.',
  );
}

/** Opens a rollout for as long as something is done with it. */
export async function withRollout<T>(
  id: string,
  broker: BrokerOptions,
  action: (rollout: Rollout) => Promise<T>,
): Promise<T> {
  const rollout = await Rollout.open(id, broker);
  try {
    return await action(rollout);
  } finally {
    await rollout.close();
  }
}

/** @throws BeltsightError ARGUMENT_INVALID if there is none */
export function known(rollout: Rollout): RolloutMessage {
  const there = existing(rollout);
  if (there) return there;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `There is no rollout ${rollout.id} on this broker: beltsight rollout status lists those that are.`,
  );
}

function existing(rollout: Rollout): RolloutMessage | undefined {
  const { current, unreadable, topic } = rollout.ledger;
  if (!unreadable) return current;
  throw new BeltsightError(
    'MESSAGE_INVALID',
    `What lies on ${topic} is no rollout, or that of a newer version: clear the topic, or choose another id.`,
  );
}

function joined(rollout: Rollout, there: RolloutMessage, plan: Plan | undefined): RolloutMessage {
  if (plan && !follows(there, plan, rollout.fleet)) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `Rollout ${there.id} is there already, with another plan: leave the plan out to go on with it, or choose another id.`,
    );
  }
  return there;
}

async function devicesOf(rollout: Rollout, plan: Plan) {
  if (plan.devices) return { devices: [...new Set(plan.devices)].sort(), unreadable: [] };
  return rollout.find(plan);
}

/** A device follows one rollout at a time. */
async function refuseShared(rollout: Rollout, devices: readonly string[]): Promise<void> {
  const others = (await rolloutsOn(rollout.session)).filter(
    ({ id, state }) => id !== rollout.id && (state === 'running' || state === 'paused'),
  );
  for (const other of others) {
    const shared = new Set(other.waves.flatMap((wave) => wave.devices));
    const device = devices.find((each) => shared.has(each));
    if (device === undefined) continue;
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `${device} is in rollout ${other.id}, which is ${other.state}: wait until it is done, or abort it.`,
    );
  }
}

/** Writes what `make` gives, until that is what holds. */
async function change(
  rollout: Rollout,
  make: (current: RolloutMessage) => RolloutMessage | undefined,
): Promise<RolloutMessage> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const current = known(rollout);
    const wanted = make(current);
    if (!wanted) return current;
    await rollout.ledger.write(wanted);
    await settle(rollout);
    if (make(known(rollout)) === undefined) return known(rollout);
  }
  throw new BeltsightError('COMMAND_BUSY', `Others keep changing rollout ${rollout.id}: try again.`);
}

/** Until others have had the time to say otherwise. */
async function settle(rollout: Rollout): Promise<void> {
  await sleep(SETTLE_MS);
  await rollout.session.barrier();
  await rollout.ledger.mend();
}

function over({ id, state }: RolloutMessage): BeltsightError {
  return new BeltsightError('ARGUMENT_INVALID', `Rollout ${id} is ${state}: begin another one.`);
}
