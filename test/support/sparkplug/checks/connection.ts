import type { IConnectPacket } from 'mqtt-packet';
import { subscriptionsOf, type WireSession } from '../evidence.js';
import type { Check } from './check.js';

const INT64 = 4;

export const connectionChecks: readonly Check[] = [
  {
    title: 'every CONNECT has the NDEATH as its will, at QoS 1 and not retained',
    statements: [
      'tck-id-message-flow-edge-node-birth-publish-will-message',
      'tck-id-message-flow-edge-node-birth-publish-will-message-topic',
      'tck-id-message-flow-edge-node-birth-publish-will-message-qos',
      'tck-id-message-flow-edge-node-birth-publish-will-message-will-retained',
      'tck-id-payloads-ndeath-will-message',
      'tck-id-payloads-ndeath-will-message-qos',
      'tck-id-payloads-ndeath-will-message-retain',
      'tck-id-topics-ndeath-topic',
    ],
    judge({ sessions, group, node }, expect) {
      for (const { connection, connect } of sessions) {
        const { will } = connect;
        expect(will?.topic === `spBv1.0/${group}/NDEATH/${node}`, `connection ${connection}: will ${will?.topic}`);
        expect(will?.qos === 1 && !will.retain, `connection ${connection}: will QoS ${will?.qos}, ${will?.retain}`);
      }
    },
  },
  {
    title: 'the will is a payload without a sequence number and with one metric, bdSeq of type Int64',
    statements: [
      'tck-id-message-flow-edge-node-birth-publish-will-message-payload',
      'tck-id-topics-ndeath-payload',
      'tck-id-topics-ndeath-seq',
      'tck-id-payloads-ndeath-seq',
    ],
    judge({ sessions }, expect) {
      for (const { connection, will } of sessions) {
        const [bdSeq] = will.metrics;
        expect(will.seq === undefined, `connection ${connection}: will with seq ${will.seq}`);
        expect(will.metrics.length === 1, `connection ${connection}: will with ${will.metrics.length} metrics`);
        expect(bdSeq?.name === 'bdSeq' && bdSeq.datatype === INT64, `connection ${connection}: ${bdSeq?.name}`);
      }
    },
  },
  {
    title: 'bdSeq begins at 0 and grows by one with every CONNECT, 0 after 255',
    statements: [
      'tck-id-topics-nbirth-bdseq-increment',
      'tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq',
    ],
    judge({ sessions }, expect) {
      for (const [i, { will }] of sessions.entries())
        expect(will.metrics[0]?.value === i % 256, `session ${i}: bdSeq ${will.metrics[0]?.value}`);
    },
  },
  {
    title: 'MQTT 3.1.1 sessions are clean',
    statements: ['tck-id-principles-persistence-clean-session-311'],
    judge({ sessions }, expect) {
      for (const { connection, connect } of sessions.filter(version(4)))
        expect(connect.clean === true, `connection ${connection}`);
    },
  },
  {
    title: 'MQTT 5 sessions start clean and end with their connection',
    statements: ['tck-id-principles-persistence-clean-session-50'],
    judge({ sessions }, expect) {
      for (const { connection, connect } of sessions.filter(version(5))) {
        // Absent, the session expiry interval is 0 (MQTT 5, section 3.1.2.11.2).
        const { sessionExpiryInterval = 0 } = (connect as IConnectPacket).properties ?? {};
        expect(connect.clean === true && sessionExpiryInterval === 0, `connection ${connection}`);
      }
    },
  },
  {
    title: 'commands for the node are subscribed to with QoS 1, before the birth',
    statements: ['tck-id-message-flow-edge-node-ncmd-subscribe'],
    judge({ sessions, group, node }, expect) {
      for (const session of sessions) expectSubscribed(session, `spBv1.0/${group}/NCMD/${node}`, expect);
    },
  },
  {
    title: 'commands for every device are subscribed to with QoS 1, before the birth',
    statements: ['tck-id-message-flow-device-dcmd-subscribe'],
    judge({ sessions, group, node, devices }, expect) {
      for (const session of sessions)
        for (const device of devices) expectSubscribed(session, `spBv1.0/${group}/DCMD/${node}/${device}`, expect);
    },
  },
  {
    title: 'births come after the CONNACK',
    statements: ['tck-id-message-flow-edge-node-birth-publish-connect'],
    judge({ sessions }, expect) {
      for (const { log, messages } of sessions) {
        const accepted = log.find(({ packet }) => packet.cmd === 'connack')?.index ?? Number.POSITIVE_INFINITY;
        for (const { kind, index } of messages)
          if (kind.endsWith('BIRTH')) expect(index > accepted, `${kind} at ${index}`);
      }
    },
  },
  {
    title: 'there is one connection at a time',
    statements: ['tck-id-operational-behavior-primary-application-state-with-multiple-servers-single-server'],
    judge({ sessions }, expect) {
      for (const [i, { log }] of sessions.entries()) {
        const next = sessions[i + 1];
        if (!next) continue;
        const closed = log.find(({ packet }) => packet.cmd === 'close' || packet.cmd === 'disconnect')?.index;
        expect((closed ?? Number.POSITIVE_INFINITY) < (next.log[0]?.index ?? 0), `session ${i} and the next`);
      }
    },
  },
];

const version = (wanted: number) => (session: WireSession) => session.connect.protocolVersion === wanted;

function expectSubscribed(session: WireSession, topic: string, expect: (ok: boolean, about: string) => void): void {
  const found = subscriptionsOf(session).get(topic);
  const birth = session.messages.find(({ kind }) => kind === 'NBIRTH')?.index ?? Number.POSITIVE_INFINITY;
  expect(found?.qos === 1 && found.index < birth, `connection ${session.connection}: ${topic}`);
}
