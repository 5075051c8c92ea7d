import { BeltsightError, type CommandArguments, type CommandValue } from '@beltsight/sdk';
import { type Controls, controlOf } from './effects.js';

/** Tells of an alarm that a person has seen it. @returns whether the camera has that alarm */
export type Acknowledge = (camera: string, alarm: string, by: string | undefined) => boolean;

/** Says that a person has seen an alarm. */
export function acknowledgeEffect(controls: Controls, acknowledge: Acknowledge) {
  return ({ camera, alarm, by }: CommandArguments<'acknowledge'>): CommandValue<'acknowledge'> => {
    controlOf(controls, camera);
    if (acknowledge(camera, alarm, by)) return { camera, alarm };
    const message = `alarm: camera "${camera}" has no such alarm; it may have been cleared or replaced, the retained alarm says.`;
    throw new BeltsightError('COMMAND_REFUSED', message);
  };
}
