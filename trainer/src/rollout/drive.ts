import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { BeltsightError, type RolloutMessage } from '@beltsight/sdk';
import { decide } from './decide.js';
import { withState, withWave } from './revision.js';
import type { Rollout } from './rollout.js';
import type { Stand } from './standing.js';

export interface DriveOptions {
  /** Ends the driving, not the rollout. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Everything is heard anew so often: what was lost on the way counts then. */
const RENEW_MS = 60_000;
/** While the broker is away, or does not answer. */
const RETRY_MS = 2000;
/** A thousand devices that speak at once are looked at together. */
const GATHER_MS = 50;
/** Devices that are asked so often in a row, and still are not asked, will not be. */
const MOST_ASKS = 5;

/**
 * Takes a rollout from wave to wave until it does not run any more, or the signal comes. All it knows is what the broker has: it can begin anew at any
 * moment, and several can drive the same.
 * @returns the rollout as it is then
 * @throws BeltsightError BROKER_UNREACHABLE if the broker takes nothing of it
 */
export async function drive(rollout: Rollout, { signal, log }: DriveOptions): Promise<RolloutMessage> {
  const steps = new Steps(rollout, log);
  let renewAt = performance.now() + RENEW_MS;
  let away = false;
  for (;;) {
    try {
      if (rollout.session.lost || performance.now() >= renewAt) {
        await rollout.renew();
        renewAt = performance.now() + RENEW_MS;
        away = false;
      }
      await rollout.ledger.mend();
      const { current } = rollout.ledger;
      if (!current) throw new BeltsightError('ARGUMENT_INVALID', `There is no rollout ${rollout.id}.`);
      if (signal.aborted || current.state !== 'running') return current;
      const waitMs = await steps.next(current);
      if (waitMs === 0) continue;
      await rollout.change(Math.min(waitMs, renewAt - performance.now()), signal);
      await sleep(GATHER_MS);
    } catch (error) {
      // A broker that is away comes back; one that takes nothing does not begin to.
      if (!rollout.session.lost) throw error;
      if (signal.aborted && rollout.ledger.current) return rollout.ledger.current;
      if (!away) log(`${(error as Error).message} Waiting for it.`);
      away = true;
      await rollout.change(RETRY_MS, signal);
    }
  }
}

/** One step after the other. */
class Steps {
  readonly #clock = new WaveClock();
  readonly #said = new Set<string>();
  #asks = 0;

  constructor(
    private readonly rollout: Rollout,
    private readonly log: (line: string) => void,
  ) {}

  /** Does what is to be done now; how long to wait for devices then, in milliseconds. */
  async next(current: RolloutMessage): Promise<number> {
    const stands = this.rollout.stands();
    this.#tell(stands);
    const decision = decide(current, stands, this.#clock.elapsedMs(current));
    if (decision.what === 'ask') {
      if (++this.#asks > MOST_ASKS) throw refused(decision.stands);
      await this.rollout.ask(decision.stands);
      return 0;
    }
    this.#asks = 0;
    if (decision.what === 'wait') return decision.ms;
    const next = decision.what === 'begin' ? withWave(current, decision.wave, new Date()) : ended(current, decision);
    const holds = await this.rollout.ledger.write(next);
    if (next.state === 'running' && isDeepStrictEqual(holds, next)) this.log(headline(next));
    return 0;
  }

  /** Says of each device that failed or was taken away that it was, once. */
  #tell(stands: readonly Stand[]): void {
    for (const { device, standing, reason } of stands) {
      if (standing !== 'failed' && standing !== 'overruled') continue;
      const what = standing === 'failed' ? `failed: ${reason}` : 'was asked for something else, and is left alone';
      const line = `${device} ${what}`;
      if (!this.#said.has(line)) this.log(line);
      this.#said.add(line);
    }
  }
}

/** How a rollout stands, in a line. */
export function headline({ id, state, reason, waves, current, release }: RolloutMessage): string {
  if (state === 'running') {
    const { devices } = waves[current.wave - 1] as RolloutMessage['waves'][number];
    return `Rollout ${id}: wave ${current.wave} of ${waves.length}, ${devices.length} devices.`;
  }
  if (state === 'done') return `Rollout ${id} of ${release} is done.`;
  return `Rollout ${id} is ${state}${reason === undefined ? '' : `: ${reason}`}.`;
}

function ended(rollout: RolloutMessage, decision: { what: 'finish' } | { what: 'pause'; reason: string }) {
  return decision.what === 'finish'
    ? withState(rollout, 'done', new Date())
    : withState(rollout, 'paused', new Date(), decision.reason);
}

function refused([first]: readonly Stand[]): BeltsightError {
  return new BeltsightError(
    'BROKER_UNREACHABLE',
    `What is desired of ${first?.device} does not stay on the broker: check that the user may write and read update/desired of all devices.`,
  );
}

/** Measures waves by a clock that nobody sets; only where somebody else began one, by what their clock said. */
class WaveClock {
  #since = '';
  #beganMs = 0;

  elapsedMs({ current: { since } }: RolloutMessage): number {
    if (since !== this.#since) {
      this.#since = since;
      this.#beganMs = performance.now() - Math.max(0, Date.now() - Date.parse(since));
    }
    return performance.now() - this.#beganMs;
  }
}
