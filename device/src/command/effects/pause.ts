import type { CommandArguments, CommandValue } from '@beltsight/sdk';
import { type Controls, controlOf } from './effects.js';

/** Stops inspecting, or goes on. Not kept over a restart: a device that starts inspects. */
export function pauseEffect(controls: Controls, changed: () => void) {
  return ({ camera, paused }: CommandArguments<'pause'>): CommandValue<'pause'> => {
    const chosen = camera === undefined ? [...controls.values()] : [controlOf(controls, camera)];
    for (const control of chosen) control.paused = paused;
    changed();
    return { cameras: chosen.map(({ name }) => name), paused };
  };
}
