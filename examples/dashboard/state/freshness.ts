import type { CameraState, State } from './model.js';
import { cameraTrouble } from './trouble.js';

/**
 * Whether what is shown of a camera is news.
 * `none`: nothing has come yet; `old`: it must not be taken for what lies on the belt now.
 */
export type Freshness = { readonly state: 'none' } | { readonly state: 'live' | 'old'; readonly ageMs: number };

export function freshnessOf(state: State, camera: CameraState, now: number): Freshness {
  const { shown } = camera;
  if (!shown) return { state: 'none' };
  const ageMs = Math.max(0, now - shown.at);
  const more = state.connection.state === 'up' && !cameraTrouble(state, camera);
  return { state: more && ageMs <= state.limits.staleMs ? 'live' : 'old', ageMs };
}

/** "8 s", "3 min", "2 h", "5 d": an age that can be read from afar. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
