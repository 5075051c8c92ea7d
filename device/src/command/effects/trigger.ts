import { BeltsightError, type CommandArguments, type ResultMessage } from '@beltsight/sdk';
import { type Controls, controlOf } from './effects.js';

/** Has one frame inspected; gives its result, which is published as any other. */
export function triggerEffect(controls: Controls) {
  return async ({ camera }: CommandArguments<'trigger'>): Promise<ResultMessage> => {
    const control = controlOf(controls, camera);
    if (!control.paused) return control.trigger.request();
    throw new BeltsightError('COMMAND_REFUSED', `Camera "${camera}" is paused: let it go on first.`);
  };
}
