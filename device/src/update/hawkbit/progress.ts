import type { UpdateStateMessage } from '@beltsight/sdk';
import type { Feedback } from './ddi.js';

/** A download is reported so often. */
const PARTS = 4;

/**
 * What hawkBit is told about a release that it wants, in the state that the updater is in.
 * @param fresh whether the state is from after the updater was told: what it said before may be about an earlier attempt
 * @returns undefined where there is nothing to tell
 */
export function feedbackOf(
  { release, fresh }: { readonly release: string; readonly fresh: boolean },
  { state, desired, running, reason, progress }: UpdateStateMessage,
): Feedback | undefined {
  const going = (execution: Feedback['execution'], detail: string): Feedback => ({
    execution,
    finished: 'none',
    detail,
  });
  if (fresh && running.release === release && (state === 'idle' || state === 'held')) {
    return { execution: 'closed', finished: 'success', detail: `${release} inspects: model ${running.modelId}.` };
  }
  // Whatever keeps it from looking: a person, or a repository that cannot be read.
  if (state === 'held') return going('scheduled', reason ?? '');
  if (state === 'idle') return reason === undefined ? undefined : going('proceeding', reason);
  if (desired !== release) return undefined;
  switch (state) {
    case 'failed':
      return fresh ? { execution: 'closed', finished: 'failure', detail: reason ?? '' } : undefined;
    case 'downloading': {
      const cnt = progress ? Math.floor((progress.bytes / Math.max(1, progress.totalBytes)) * PARTS) : 0;
      return { ...going('download', `${release} is fetched.`), progress: { cnt, of: PARTS } };
    }
    case 'waiting':
      return going('downloaded', reason ?? '');
    case 'staging':
    case 'testing':
      return going('proceeding', `${release} is tested beside the model in use.`);
    case 'probation':
      return going('proceeding', `${release} inspects, and has to prove itself.`);
    default:
      return undefined;
  }
}

const MID_STEP: ReadonlySet<UpdateStateMessage['state']> = new Set(['checking', 'downloading', 'staging', 'testing']);

/** Whether the updater may still be about to switch to a release that is no longer wanted. */
export function mayStillSwitch(release: string | undefined, { state, desired }: UpdateStateMessage): boolean {
  return MID_STEP.has(state) && (release === undefined || desired === release);
}

/** Whether it has switched to a release, or, where it is not known to which, is about to judge one. */
export function hasSwitched(release: string | undefined, { state, running }: UpdateStateMessage): boolean {
  return release === undefined ? state === 'probation' : running.release === release;
}
