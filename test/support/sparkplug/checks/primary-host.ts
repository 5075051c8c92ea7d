import type { IPublishPacket } from 'mqtt-packet';
import type { Evidence } from '../evidence.js';
import type { Check } from './check.js';

/** A STATE message as it reached the edge node. */
interface Heard {
  readonly index: number;
  readonly connection: number;
  readonly online: boolean;
  readonly timestamp: number;
  /** Not older than every one before: to be heeded. */
  readonly fresh: boolean;
}

/** The STATE messages of the primary host, over all sessions; junk is left out. */
function states({ sessions, primaryHost }: Evidence): Heard[] {
  let latest = Number.NEGATIVE_INFINITY;
  return sessions.flatMap(({ log, connection }) =>
    log.flatMap(({ packet, way, index }) => {
      if (way !== 'in' || packet.cmd !== 'publish' || packet.topic !== `spBv1.0/STATE/${primaryHost}`) return [];
      const state = parse((packet as IPublishPacket).payload as Buffer);
      if (!state) return [];
      const fresh = state.timestamp >= latest;
      if (fresh) latest = state.timestamp;
      return [{ index, connection, ...state, fresh }];
    }),
  );
}

function parse(payload: Buffer): { online: boolean; timestamp: number } | undefined {
  try {
    const { online, timestamp } = JSON.parse(payload.toString());
    return typeof online === 'boolean' && typeof timestamp === 'number' ? { online, timestamp } : undefined;
  } catch {
    return undefined;
  }
}

export const primaryHostChecks: readonly Check[] = [
  {
    title: 'births wait until the configured host is online by its newest STATE',
    statements: [
      'tck-id-message-flow-edge-node-birth-publish-phid-wait',
      'tck-id-message-flow-edge-node-birth-publish-phid-wait-id',
      'tck-id-message-flow-edge-node-birth-publish-phid-wait-online',
      'tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp',
      'tck-id-operational-behavior-edge-node-birth-sequence-wait',
    ],
    judge(evidence, expect) {
      if (evidence.primaryHost === undefined) return;
      const heard = states(evidence);
      for (const { connection, messages } of evidence.sessions) {
        const [birth] = messages;
        if (!birth) continue;
        const last = heard
          .filter((state) => state.connection === connection && state.fresh && state.index < birth.index)
          .at(-1);
        expect(last?.online === true, `connection ${connection}: born without a host`);
      }
    },
  },
  {
    title: 'a host that goes offline ends the session by NDEATH, and the node connects again',
    statements: [
      'tck-id-message-flow-edge-node-birth-publish-phid-offline',
      'tck-id-operational-behavior-edge-node-termination-host-offline',
      'tck-id-operational-behavior-edge-node-termination-host-offline-reconnect',
    ],
    judge(evidence, expect) {
      for (const { connection, online, fresh, index } of states(evidence)) {
        const session = evidence.sessions.find((found) => found.connection === connection);
        const born = session?.messages.some(({ kind, index: at }) => kind === 'NBIRTH' && at < index);
        if (online || !fresh || !born) continue;
        const later = session?.messages.filter((message) => message.index > index) ?? [];
        const death = later.findIndex(({ kind }) => kind === 'NDEATH');
        expect(death >= 0 && death === later.length - 1, `connection ${connection}: no NDEATH at the end`);
        expect(
          evidence.sessions.some((next) => next.connection > connection),
          `connection ${connection}: none after it`,
        );
      }
    },
  },
  {
    title: 'an offline STATE that is older than the online one ends nothing',
    statements: ['tck-id-operational-behavior-edge-node-termination-host-offline-timestamp'],
    judge(evidence, expect) {
      for (const { connection, online, fresh, index } of states(evidence)) {
        const session = evidence.sessions.find((found) => found.connection === connection);
        const born = session?.messages.some(({ kind, index: at }) => kind === 'NBIRTH' && at < index);
        if (online || fresh || !born) continue;
        // The test goes on in this session after the stale message.
        const later = session?.messages.find((message) => message.index > index);
        expect(later !== undefined && later.kind !== 'NDEATH', `connection ${connection}: ${later?.kind}`);
      }
    },
  },
];
