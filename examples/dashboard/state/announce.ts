import type { Verdict } from '@beltsight/sdk';
import type { CameraState } from './model.js';

/** Pause between two announcements: a screen reader must be able to finish its sentence. */
const PAUSE_MS = 3000;

export interface Announcer {
  /** What a screen reader should say of the camera now; undefined: nothing new. */
  next(camera: CameraState | undefined, now: number): string | undefined;
}

/** Says a verdict when it changes, and each one that is no pass, but not more than a listener can take in. */
export function announcer(): Announcer {
  let spoken: { readonly key: string; readonly verdict: Verdict; readonly id: string } | undefined;
  let spokenAt = Number.NEGATIVE_INFINITY;
  return {
    next(camera, now) {
      const result = camera?.shown?.result;
      if (!camera || !result || Math.abs(now - spokenAt) < PAUSE_MS) return undefined;
      const { id, verdict } = result;
      const said =
        spoken?.key === camera.key && (spoken.id === id || (spoken.verdict === verdict && verdict === 'pass'));
      if (said) return undefined;
      spoken = { key: camera.key, verdict, id };
      spokenAt = now;
      const { threshold } = result;
      // Of a model that fails the score is the largest number there is.
      const told = threshold !== null && result.score < Number.MAX_VALUE;
      const score = told ? `, score ${(result.score / threshold).toFixed(2)} of threshold` : '';
      return `${camera.name}: ${verdict}, ${result.class.name ?? 'product not known'}${score}`;
    },
  };
}
