import { BeltsightError, type CommandArguments, type CommandValue } from '@beltsight/sdk';
import type { Updates } from '../../update/updates.js';

/** Looks for updates, holds them, releases them, or goes back to the model before. */
export function updateEffect(updates: Pick<Updates, 'command'> | undefined) {
  return async ({ action, reason }: CommandArguments<'update'>): Promise<CommandValue<'update'>> => {
    if (updates) return updates.command(action, reason);
    const message = 'The device gets no updates: its configuration has no section "update".';
    throw new BeltsightError('COMMAND_REFUSED', message);
  };
}
