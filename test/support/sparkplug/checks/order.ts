import type { WireSession } from '../evidence.js';
import type { Check } from './check.js';

const isData = (kind: string) => kind === 'NDATA' || kind === 'DDATA';

export const orderChecks: readonly Check[] = [
  {
    title: 'the first message of a session is its NBIRTH',
    statements: ['tck-id-principles-birth-certificates-order', 'tck-id-message-flow-device-birth-publish-nbirth-wait'],
    judge({ sessions }, expect) {
      for (const { connection, messages } of sessions) {
        const [first] = messages;
        if (first) expect(first.kind === 'NBIRTH', `connection ${connection}: ${first.topic}`);
      }
    },
  },
  {
    title: 'births of devices follow the NBIRTH at once, and data follow the births',
    statements: ['tck-id-payloads-dbirth-order', 'tck-id-payloads-ndata-order', 'tck-id-payloads-ddata-order'],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        const dead = new Set<string | undefined>();
        const born = new Set<string | undefined>();
        let data = false;
        for (const { kind, device, topic, index, payload } of messages) {
          if (kind === 'DDEATH') dead.add(device);
          if (kind === 'NBIRTH') {
            born.clear();
            // The edge node itself tells of cameras that give nothing.
            for (const { name = '', value } of payload.metrics)
              if (value === 'failed' || value === 'ended') dead.add(/^Cameras\/(.+)\/State$/.exec(name)?.[1]);
          }
          if (kind === 'NBIRTH') data = false;
          if (isData(kind)) data = true;
          if (kind !== 'DBIRTH') continue;
          // Later ones are of devices that were dead, or that are born once more.
          expect(!data || dead.has(device) || born.has(device), `${topic} at ${index} comes after data`);
          dead.delete(device);
          born.add(device);
        }
      }
    },
  },
  {
    title: 'a device has data between its birth and its death only',
    statements: ['tck-id-operational-behavior-device-ddeath'],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        const alive = new Set<string | undefined>();
        for (const { kind, device, topic, index } of messages) {
          if (kind === 'NBIRTH') alive.clear();
          else if (kind === 'DBIRTH') alive.add(device);
          else if (kind === 'DDATA') expect(alive.has(device), `${topic} at ${index}`);
          else if (kind === 'DDEATH') expect(alive.delete(device), `${topic} at ${index}`);
        }
      }
    },
  },
  {
    title: 'a rebirth is asked for, data stop, and the births come with the same bdSeq',
    statements: [
      'tck-id-operational-behavior-data-commands-rebirth-action-1',
      'tck-id-operational-behavior-data-commands-rebirth-action-2',
      'tck-id-operational-behavior-data-commands-rebirth-action-3',
    ],
    judge({ sessions, group, node }, expect) {
      const asked = `spBv1.0/${group}/NCMD/${node}`;
      for (const session of sessions) {
        const { messages, will } = session;
        const births = messages.filter(({ kind }) => kind === 'NBIRTH').slice(1);
        for (const birth of births) {
          const request = arrivals(session, asked)
            .filter((index) => index < birth.index)
            .at(-1);
          expect(request !== undefined, `a birth at ${birth.index} that nobody asked for`);
          // Data that were under way when the request came are older than it.
          const between = messages.filter(({ index }) => index > (request ?? 0) && index < birth.index);
          const at = session.log.find(({ index }) => index === request)?.at ?? 0;
          const late = between.filter(({ kind, payload }) => isData(kind) && (payload.timestamp ?? 0) > at + 1000);
          expect(late.length === 0, `${late.length} data after the request before ${birth.index}`);
          const bdSeq = birth.payload.metrics.find(({ name }) => name === 'bdSeq')?.value;
          expect(bdSeq === will.metrics[0]?.value, `bdSeq ${bdSeq}`);
        }
      }
    },
  },
  {
    title: 'an intended end says NDEATH, then DISCONNECT at once',
    statements: [
      'tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath',
      'tck-id-operational-behavior-edge-node-intentional-disconnect-packet',
      'tck-id-payloads-ndeath-will-message-publisher',
    ],
    judge({ sessions }, expect) {
      for (const session of sessions) expectDeathFirst(session, expect);
    },
  },
  {
    title: 'with MQTT 3.1.1, NDEATH comes before DISCONNECT',
    statements: ['tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt311'],
    judge({ sessions }, expect) {
      for (const session of sessions.filter(({ connect }) => connect.protocolVersion === 4))
        expectDeathFirst(session, expect);
    },
  },
  {
    title: 'with MQTT 5, DISCONNECT asks for the will',
    statements: ['tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50'],
    judge({ sessions }, expect) {
      for (const { connect, log } of sessions.filter(({ connect: { protocolVersion } }) => protocolVersion === 5)) {
        for (const { packet, way, index } of log)
          if (packet.cmd === 'disconnect' && way === 'out')
            expect(packet.reasonCode === 4, `DISCONNECT ${packet.reasonCode} at ${index} (${connect.clientId})`);
      }
    },
  },
  {
    title: 'NDEATH, by the node or by the broker, carries the bdSeq of a birth',
    statements: ['tck-id-payloads-ndeath-bdseq'],
    judge({ sessions, received }, expect) {
      const born = sessions
        .filter(({ messages }) => messages.some(({ kind }) => kind === 'NBIRTH'))
        .map(({ will }) => will.metrics[0]?.value);
      for (const { kind, payload } of received) {
        if (kind === 'NDEATH') expect(born.includes(payload.metrics[0]?.value), `NDEATH ${payload.metrics[0]?.value}`);
      }
    },
  },
];

/** Places in the log where a message for the edge node arrived. */
function arrivals({ log }: WireSession, topic: string): number[] {
  return log.flatMap(({ packet, way, index }) =>
    way === 'in' && packet.cmd === 'publish' && packet.topic === topic ? [index] : [],
  );
}

function expectDeathFirst({ log, messages }: WireSession, expect: (ok: boolean, about: string) => void): void {
  const bye = log.find(({ packet, way }) => packet.cmd === 'disconnect' && way === 'out');
  if (!bye || !messages.some(({ kind }) => kind === 'NBIRTH')) return;
  // Answers and pings of MQTT itself may lie between.
  const own = ['publish', 'subscribe', 'unsubscribe'];
  const before = log
    .filter(({ way, index, packet }) => way === 'out' && index < bye.index && own.includes(packet.cmd))
    .at(-1);
  expect(
    before?.packet.cmd === 'publish' && before.packet.topic.split('/')[2] === 'NDEATH',
    `before DISCONNECT at ${bye.index}: ${before?.packet.cmd}`,
  );
}
