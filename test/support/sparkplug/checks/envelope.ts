import type { Evidence, SentMessage } from '../evidence.js';
import type { Check } from './check.js';

const ID = /^[^+/#]+$/;
const NODE = ['NBIRTH', 'NDATA', 'NDEATH'];
const DEVICE = ['DBIRTH', 'DDATA', 'DDEATH'];

const all = ({ sessions }: Evidence): readonly SentMessage[] => sessions.flatMap(({ messages }) => messages);
const of = (evidence: Evidence, kind: string) => all(evidence).filter((message) => message.kind === kind);

/** Topic, QoS and retain of every message of a kind. */
const topicAndMqtt = (kind: string, statements: readonly string[]): Check => ({
  title: `${kind} goes to its topic, at QoS 0 and not retained`,
  statements,
  judge(evidence, expect) {
    const { group, node, devices } = evidence;
    for (const { topic, qos, retain } of of(evidence, kind)) {
      const base = `spBv1.0/${group}/${kind}/${node}`;
      const right = DEVICE.includes(kind) ? devices.map((device) => `${base}/${device}`) : [base];
      expect(right.includes(topic), topic);
      expect(qos === 0 && !retain, `${topic}: QoS ${qos}, retain ${retain}`);
    }
  },
});

/** Timestamp of every message of a kind: when it was sent. */
const sentAt = (kind: string, statements: readonly string[]): Check => ({
  title: `${kind} says when it was sent, in milliseconds UTC`,
  statements: [...statements, 'tck-id-payloads-timestamp-in-UTC'],
  judge(evidence, expect) {
    for (const { payload, at, topic } of of(evidence, kind)) {
      const { timestamp } = payload;
      // One machine, one clock; what lies between is the time to encode and to pass it on.
      expect(timestamp !== undefined && timestamp <= at && timestamp > at - 60_000, `${topic}: ${timestamp} at ${at}`);
    }
  },
});

export const envelopeChecks: readonly Check[] = [
  {
    title: 'topics follow the namespace, with a device exactly where one belongs',
    statements: [
      'tck-id-topic-structure',
      'tck-id-topic-structure-namespace-a',
      'tck-id-topic-structure-namespace-valid-group-id',
      'tck-id-topic-structure-namespace-valid-edge-node-id',
      'tck-id-topic-structure-namespace-valid-device-id',
      'tck-id-topic-structure-namespace-device-id-associated-message-types',
      'tck-id-topic-structure-namespace-device-id-non-associated-message-types',
      'tck-id-intro-group-id-string',
      'tck-id-intro-group-id-chars',
      'tck-id-intro-edge-node-id-string',
      'tck-id-intro-edge-node-id-chars',
      'tck-id-intro-device-id-string',
      'tck-id-intro-device-id-chars',
    ],
    judge(evidence, expect) {
      for (const { topic } of all(evidence)) {
        const [namespace, group = '', kind = '', node = '', device, ...rest] = topic.split('/');
        const known = NODE.includes(kind) ? device === undefined : DEVICE.includes(kind) && ID.test(device ?? '');
        expect(namespace === 'spBv1.0' && ID.test(group) && ID.test(node) && known && rest.length === 0, topic);
      }
    },
  },
  {
    title: 'ids of devices are unique, also without regard to case',
    statements: ['tck-id-topic-structure-namespace-unique-device-id', 'tck-id-case-sensitivity-sparkplug-ids'],
    judge({ devices }, expect) {
      expect(new Set(devices.map((device) => device.toLowerCase())).size === devices.length, devices.join(', '));
    },
  },
  topicAndMqtt('NBIRTH', [
    'tck-id-topics-nbirth-topic',
    'tck-id-topics-nbirth-mqtt',
    'tck-id-payloads-nbirth-qos',
    'tck-id-payloads-nbirth-retain',
    'tck-id-message-flow-edge-node-birth-publish-nbirth-topic',
    'tck-id-message-flow-edge-node-birth-publish-nbirth-payload',
    'tck-id-message-flow-edge-node-birth-publish-nbirth-qos',
    'tck-id-message-flow-edge-node-birth-publish-nbirth-retained',
  ]),
  topicAndMqtt('DBIRTH', [
    'tck-id-topics-dbirth-topic',
    'tck-id-topics-dbirth-mqtt',
    'tck-id-payloads-dbirth-qos',
    'tck-id-payloads-dbirth-retain',
    'tck-id-message-flow-device-birth-publish-dbirth-topic',
    'tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic',
    'tck-id-message-flow-device-birth-publish-dbirth-payload',
    'tck-id-message-flow-device-birth-publish-dbirth-qos',
    'tck-id-message-flow-device-birth-publish-dbirth-retained',
  ]),
  topicAndMqtt('NDATA', [
    'tck-id-topics-ndata-topic',
    'tck-id-topics-ndata-mqtt',
    'tck-id-payloads-ndata-qos',
    'tck-id-payloads-ndata-retain',
  ]),
  topicAndMqtt('DDATA', [
    'tck-id-topics-ddata-topic',
    'tck-id-topics-ddata-mqtt',
    'tck-id-payloads-ddata-qos',
    'tck-id-payloads-ddata-retain',
  ]),
  topicAndMqtt('DDEATH', ['tck-id-topics-ddeath-topic', 'tck-id-topics-ddeath-mqtt']),
  sentAt('NBIRTH', ['tck-id-topics-nbirth-timestamp', 'tck-id-payloads-nbirth-timestamp']),
  sentAt('DBIRTH', ['tck-id-topics-dbirth-timestamp', 'tck-id-payloads-dbirth-timestamp']),
  sentAt('NDATA', ['tck-id-topics-ndata-timestamp', 'tck-id-payloads-ndata-timestamp']),
  sentAt('DDATA', ['tck-id-topics-ddata-timestamp', 'tck-id-payloads-ddata-timestamp']),
  sentAt('DDEATH', ['tck-id-payloads-ddeath-timestamp']),
  {
    title: 'NBIRTH has sequence number 0, and every other message the next one, 0 after 255',
    statements: [
      'tck-id-topics-nbirth-seq-num',
      'tck-id-payloads-nbirth-seq',
      'tck-id-payloads-sequence-num-req-nbirth',
      'tck-id-payloads-sequence-num-always-included',
      'tck-id-payloads-sequence-num-incrementing',
      'tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq',
      'tck-id-message-flow-device-birth-publish-dbirth-payload-seq',
      ...['topics-dbirth-seq', 'topics-ndata-seq-num', 'topics-ddata-seq-num', 'topics-ddeath-seq-num'].map(tck),
      ...['dbirth', 'ndata', 'ddata', 'ddeath'].flatMap((kind) => [
        tck(`payloads-${kind}-seq`),
        tck(`payloads-${kind}-seq-inc`),
      ]),
      'tck-id-payloads-ddeath-seq-number',
    ],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        let next = 0;
        for (const { kind, payload, topic } of messages) {
          if (kind === 'NDEATH') continue;
          const right = kind === 'NBIRTH' ? 0 : next;
          expect(payload.seq === right, `${topic}: seq ${payload.seq} instead of ${right}`);
          next = (right + 1) % 256;
        }
      }
    },
  },
];

function tck(name: string): string {
  return `tck-id-${name}`;
}
