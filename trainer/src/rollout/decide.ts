import type { RolloutMessage } from '@beltsight/sdk';
import { atLeast, devicesOf } from './amount.js';
import type { Stand, Standing } from './standing.js';

/** What is to be done next. */
export type Decision =
  | { readonly what: 'ask'; readonly stands: readonly Stand[] }
  | { readonly what: 'begin'; readonly wave: number }
  | { readonly what: 'finish' }
  | { readonly what: 'pause'; readonly reason: string }
  /** Until devices say something, at most so long. */
  | { readonly what: 'wait'; readonly ms: number };

/** May still confirm by itself, soon. */
const UNDER_WAY: ReadonlySet<Standing> = new Set(['waiting', 'silent', 'updating']);
/** So many devices are named in a reason. */
const NAMED = 5;

/**
 * The next step of a running rollout. A wave is over when each of its devices has confirmed, has failed, or is not to be expected (away, held, asked for
 * something else), or when its time is up; it is passed if enough of them have confirmed.
 * @param elapsedMs since the wave began
 */
export function decide(rollout: RolloutMessage, stands: readonly Stand[], elapsedMs: number): Decision {
  const begun = stands.filter(({ wave, excused }) => wave <= rollout.current.wave && !excused);
  const asked = begun.filter(({ standing }) => standing !== 'waiting');
  const failed = asked.filter(({ standing }) => standing === 'failed');
  if (failed.length > 0 && failed.length >= Math.max(1, devicesOf(rollout.stopAt, asked.length))) {
    return { what: 'pause', reason: `${failed.length} of ${asked.length} devices failed: ${named(failed)}` };
  }
  const waiting = begun.filter(({ standing }) => standing === 'waiting');
  if (waiting.length > 0) return { what: 'ask', stands: waiting };
  const wave = rollout.current.wave;
  return judge(
    rollout,
    wave,
    begun.filter((each) => each.wave === wave),
    elapsedMs,
  );
}

function judge(rollout: RolloutMessage, wave: number, members: readonly Stand[], elapsedMs: number): Decision {
  const { confirmed: share, withinMinutes } = rollout.waves[wave - 1] as RolloutMessage['waves'][number];
  const count = (...standings: Standing[]) => members.filter(({ standing }) => standings.includes(standing)).length;
  const needed = atLeast(share, members.length);
  const confirmed = count('confirmed');
  const leftMs = withinMinutes * 60_000 - elapsedMs;
  const over = leftMs <= 0 || !members.some(({ standing }) => UNDER_WAY.has(standing));
  if (confirmed >= needed && over) {
    return wave === rollout.waves.length ? { what: 'finish' } : { what: 'begin', wave: wave + 1 };
  }
  const unconfirmed = members.filter(({ standing }) => standing !== 'confirmed');
  const so = `${confirmed} of ${members.length} devices of wave ${wave} confirmed, ${needed} must`;
  if (members.length - count('failed') < needed) {
    return { what: 'pause', reason: `${so}, and ${count('failed')} failed: ${named(unconfirmed)}` };
  }
  if (leftMs <= 0) return { what: 'pause', reason: `${so} within ${withinMinutes} minutes: ${named(unconfirmed)}` };
  return { what: 'wait', ms: leftMs };
}

/** The first of some devices with what keeps them. */
function named(stands: readonly Stand[]): string {
  const texts = stands
    .slice(0, NAMED)
    .map(
      ({ device, standing, reason }) => `${device} is ${standing}${reason === undefined ? '' : ` (${short(reason)})`}`,
    );
  const more = stands.length - texts.length;
  return [...texts, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

function short(text: string): string {
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
