import { type RolloutMessage, rolloutId, rolloutSchema, rolloutTopics } from '@beltsight/sdk';
import { messageOf } from './fleet.js';
import { newest } from './revision.js';
import type { BrokerOptions } from './rollout.js';
import { Session } from './session.js';

/**
 * All rollouts that a broker has, the latest change first.
 * @throws BeltsightError BROKER_UNREACHABLE
 */
export async function listRollouts({ url, mqtt }: BrokerOptions): Promise<RolloutMessage[]> {
  const session = await Session.open(url, rolloutTopics('status').echo, mqtt);
  try {
    return await rolloutsOn(session);
  } finally {
    await session.close();
  }
}

/** @throws BeltsightError BROKER_UNREACHABLE */
export async function rolloutsOn(session: Session): Promise<RolloutMessage[]> {
  const rollouts = new Map<string, RolloutMessage>();
  for (const { topic, payload } of await session.sample(rolloutTopics().plan)) {
    const id = rolloutId(topic);
    const message = id === undefined ? undefined : messageOf(rolloutSchema, payload);
    if (!message || message.id !== id) continue;
    const before = rollouts.get(id);
    rollouts.set(id, before ? newest(before, message) : message);
  }
  return [...rollouts.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
}
