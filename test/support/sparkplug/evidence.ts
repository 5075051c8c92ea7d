import type { IConnectPacket, IPublishPacket, ISubscribePacket } from 'mqtt-packet';
import { type ReadPayload, readPayload } from './decode.js';
import type { Received } from './host.js';
import type { Seen } from './tap.js';

/** A Sparkplug message that the edge node sent. */
export interface SentMessage {
  /** Place in the log. */
  readonly index: number;
  readonly connection: number;
  readonly at: number;
  readonly topic: string;
  readonly kind: string;
  readonly device: string | undefined;
  readonly qos: number;
  readonly retain: boolean;
  readonly payload: ReadPayload;
}

/** One MQTT session of the edge node, as the wire tells it. */
export interface WireSession {
  readonly connection: number;
  readonly connect: IConnectPacket;
  readonly will: ReadPayload;
  readonly log: readonly (Seen & { readonly index: number })[];
  readonly messages: readonly SentMessage[];
}

/** What a test saw: everything on the wire of the edge node, and what its host received. */
export interface Evidence {
  readonly group: string;
  readonly node: string;
  readonly devices: readonly string[];
  /** The primary host that the edge node is configured for. */
  readonly primaryHost: string | undefined;
  readonly sessions: readonly WireSession[];
  readonly received: readonly Received[];
}

export interface Case {
  readonly group: string;
  readonly node: string;
  readonly devices: readonly string[];
  readonly primaryHost?: string;
}

/** Reads the log; connections that the broker did not accept are left out. */
export function gather(about: Case, log: readonly Seen[], received: readonly Received[]): Evidence {
  const indexed = log.map((seen, index) => ({ ...seen, index }));
  const connections = [...new Set(log.map(({ connection }) => connection))];
  const sessions = connections.flatMap((connection) => {
    const own = indexed.filter((seen) => seen.connection === connection);
    const connect = own.find(({ packet }) => packet.cmd === 'connect')?.packet as IConnectPacket | undefined;
    const accepted = own.some(
      ({ packet }) => packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode ?? 0) === 0,
    );
    if (!connect || !accepted) return [];
    const messages = own.flatMap((seen) => messageOf(seen) ?? []);
    const will = readPayload((connect.will?.payload as Buffer | undefined) ?? Buffer.of());
    return [{ connection, connect, will, log: own, messages }];
  });
  return { ...about, primaryHost: about.primaryHost, sessions, received };
}

function messageOf({ index, connection, at, way, packet }: Seen & { index: number }): SentMessage | undefined {
  if (way !== 'out' || packet.cmd !== 'publish') return undefined;
  const { topic, qos, retain, payload } = packet as IPublishPacket;
  const [, , kind = '', , device] = topic.split('/');
  return { index, connection, at, topic, kind, device, qos, retain, payload: readPayload(payload as Buffer) };
}

/** Topics that the edge node subscribed to in a session, with their QoS. */
export function subscriptionsOf({ log }: WireSession): Map<string, { qos: number; index: number }> {
  return new Map(
    log.flatMap(({ packet, index }) =>
      packet.cmd === 'subscribe'
        ? (packet as ISubscribePacket).subscriptions.map(({ topic, qos }) => [topic, { qos, index }] as const)
        : [],
    ),
  );
}
