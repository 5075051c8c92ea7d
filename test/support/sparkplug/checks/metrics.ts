import type { ReadMetric } from '../decode.js';
import type { Evidence } from '../evidence.js';
import type { Check } from './check.js';

const REBIRTH = 'Node Control/Rebirth';
/** Metrics of which the specification says that they are named, or which it makes up itself. */
const NAMED = [REBIRTH, 'bdSeq'];
/** Which field of the schema holds a value of a data type (section 6.4.17). */
const FIELDS: Record<number, string> = {
  3: 'intValue',
  4: 'longValue',
  10: 'doubleValue',
  11: 'booleanValue',
  12: 'stringValue',
  13: 'longValue',
  18: 'bytesValue',
};
/** Metrics that a host writes are shown again after every command. */
const WRITTEN = /Control\/|Command\/|False Reject Rate/;

const births = ({ sessions }: Evidence, kind?: string) =>
  sessions.flatMap(({ messages }) => messages.filter((m) => (kind ? m.kind === kind : m.kind.endsWith('BIRTH'))));

export const metricChecks: readonly Check[] = [
  birthMetrics('NBIRTH', ['tck-id-topics-nbirth-metrics', 'tck-id-operational-behavior-data-publish-nbirth-values']),
  birthMetrics('DBIRTH', ['tck-id-topics-dbirth-metrics', 'tck-id-operational-behavior-data-publish-dbirth-values']),
  {
    title: 'births name every metric and give an alias to all but rebirth and bdSeq',
    statements: [
      'tck-id-payloads-name-requirement',
      'tck-id-payloads-alias-birth-requirement',
      'tck-id-operational-behavior-data-commands-rebirth-name-aliases',
    ],
    judge(evidence, expect) {
      for (const { payload, topic } of births(evidence)) {
        for (const { name, alias } of payload.metrics)
          expect(!!name && (alias === undefined) === NAMED.includes(name), `${topic}: ${name} has alias ${alias}`);
      }
    },
  },
  {
    title: 'aliases are unique over node and devices',
    statements: ['tck-id-payloads-alias-uniqueness'],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        const names = new Map<number, string>();
        for (const { kind, device, payload } of messages) {
          if (kind === 'NBIRTH') names.clear();
          if (!kind.endsWith('BIRTH')) continue;
          for (const { alias, name } of payload.metrics) {
            if (alias === undefined) continue;
            const full = `${device ?? ''}: ${name}`;
            expect((names.get(alias) ?? full) === full, `alias ${alias}: ${names.get(alias)} and ${full}`);
            names.set(alias, full);
          }
        }
      }
    },
  },
  {
    title: 'names of metrics differ by more than case',
    statements: ['tck-id-case-sensitivity-metric-names'],
    judge(evidence, expect) {
      for (const { payload, topic } of births(evidence)) {
        const names = payload.metrics.map(({ name }) => name?.toLowerCase());
        expect(new Set(names).size === names.length, topic);
      }
    },
  },
  {
    title: 'NBIRTH carries the bdSeq of the will, as Int64',
    statements: [
      'tck-id-topics-nbirth-bdseq-included',
      'tck-id-topics-nbirth-bdseq-matching',
      'tck-id-payloads-nbirth-bdseq',
      'tck-id-payloads-nbirth-bdseq-repeat',
      'tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq',
    ],
    judge({ sessions }, expect) {
      for (const { messages, will } of sessions)
        for (const { kind, payload } of messages) {
          if (kind !== 'NBIRTH') continue;
          const [found, second] = payload.metrics.filter(({ name }) => name === 'bdSeq');
          expect(found?.datatype === 4 && found.value === will.metrics[0]?.value && !second, `bdSeq ${found?.value}`);
        }
    },
  },
  {
    title: 'NBIRTH offers the rebirth as a Boolean that is false',
    statements: [
      'tck-id-topics-nbirth-rebirth-metric',
      'tck-id-payloads-nbirth-rebirth-req',
      'tck-id-operational-behavior-data-commands-rebirth-name',
      'tck-id-operational-behavior-data-commands-rebirth-datatype',
      'tck-id-operational-behavior-data-commands-rebirth-value',
    ],
    judge(evidence, expect) {
      for (const { payload } of births(evidence, 'NBIRTH')) {
        const found = payload.metrics.find(({ name }) => name === REBIRTH);
        expect(found?.datatype === 11 && found.field === 'booleanValue' && found.value === false, `${found?.value}`);
      }
    },
  },
  {
    title: 'property sets have as many values as keys, each with a data type',
    statements: [
      'tck-id-payloads-propertyset-keys-array-size',
      'tck-id-payloads-propertyset-values-array-size',
      'tck-id-payloads-metric-propertyvalue-type-type',
      'tck-id-payloads-metric-propertyvalue-type-value',
      'tck-id-payloads-metric-propertyvalue-type-req',
    ],
    judge(evidence, expect) {
      for (const { payload, topic } of births(evidence))
        for (const { name, properties } of payload.metrics) {
          if (!properties) continue;
          const { keys, types } = properties;
          expect(keys.length === types.length, `${topic}: ${name}`);
          expect(
            types.every((type) => type !== undefined && type in FIELDS),
            `${topic}: ${name} ${types}`,
          );
        }
    },
  },
  dataMetrics('NDATA', ['tck-id-topics-nbirth-metric-reqs', 'tck-id-operational-behavior-data-publish-nbirth']),
  dataMetrics('DDATA', ['tck-id-topics-dbirth-metric-reqs', 'tck-id-operational-behavior-data-publish-dbirth']),
  {
    title: 'every metric of births and data has a time, in milliseconds UTC',
    statements: ['tck-id-payloads-name-birth-data-requirement', 'tck-id-payloads-metric-timestamp-in-UTC'],
    judge({ sessions }, expect) {
      for (const { kind, payload, topic, at } of sessions.flatMap(({ messages }) => messages)) {
        if (kind.endsWith('DEATH')) continue;
        for (const { timestamp, alias } of payload.metrics)
          expect(timestamp !== undefined && timestamp <= at && timestamp > at - 86_400_000, `${topic}: ${alias}`);
      }
    },
  },
  {
    title: 'live metrics of a message are in the order of their time',
    statements: [
      'tck-id-operational-behavior-data-publish-nbirth-order',
      'tck-id-operational-behavior-data-publish-dbirth-order',
    ],
    judge({ sessions }, expect) {
      for (const { kind, payload, topic } of sessions.flatMap(({ messages }) => messages)) {
        if (!kind.endsWith('DATA')) continue;
        const times = payload.metrics.filter(({ historical }) => !historical).map(({ timestamp }) => timestamp ?? 0);
        expect(
          times.every((time, i) => i === 0 || time >= (times[i - 1] as number)),
          topic,
        );
      }
    },
  },
  {
    title: 'data hold what changed, and nothing else',
    statements: [
      'tck-id-topics-ndata-payload',
      'tck-id-topics-ddata-payload',
      'tck-id-operational-behavior-data-publish-nbirth-change',
      'tck-id-operational-behavior-data-publish-dbirth-change',
      'tck-id-principles-rbe-recommended',
    ],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        const known = new Map<number, { name: string; value: string }>();
        for (const { kind, payload, topic } of messages) {
          if (kind.endsWith('BIRTH')) for (const m of payload.metrics) remember(known, m, m.name ?? '');
          if (!kind.endsWith('DATA')) continue;
          for (const metric of payload.metrics.filter(({ historical }) => !historical)) {
            const before = known.get(metric.alias ?? -1);
            if (before && !WRITTEN.test(before.name))
              expect(before.value !== shown(metric), `${topic}: ${before.name} is ${before.value} already`);
            remember(known, metric, before?.name ?? '');
          }
        }
      }
    },
  },
  {
    title: 'historical values are marked, and come in the order of their time',
    statements: [],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        const latest = new Map<string, number>();
        for (const { kind, device = '', payload, topic } of messages) {
          if (kind !== 'DDATA' || !payload.metrics.some(({ historical }) => historical)) continue;
          const times = payload.metrics.map(({ timestamp }) => timestamp ?? 0);
          expect(
            payload.metrics.every(({ historical }) => historical),
            `${topic}: live and historical`,
          );
          expect(Math.min(...times) >= (latest.get(device) ?? 0), `${topic}: ${times[0]} out of order`);
          latest.set(device, Math.max(...times));
        }
      }
    },
  },
];

function birthMetrics(kind: string, statements: readonly string[]): Check {
  return {
    title: `${kind} gives every metric a data type, and a value of it or null`,
    statements: [
      ...statements,
      'tck-id-payloads-metric-datatype-req',
      'tck-id-payloads-metric-datatype-value',
      'tck-id-payloads-metric-datatype-value-type',
    ],
    judge(evidence, expect) {
      for (const { payload, topic } of births(evidence, kind))
        for (const { name, datatype, isNull, field } of payload.metrics)
          expect(
            isNull ? field === undefined && (datatype ?? 0) in FIELDS : field === FIELDS[datatype ?? 0] && !!field,
            `${topic}: ${name}`,
          );
    },
  };
}

function dataMetrics(kind: string, statements: readonly string[]): Check {
  return {
    title: `${kind} names metrics of the birth by their alias alone, without data type`,
    statements: [
      ...statements,
      'tck-id-payloads-alias-data-cmd-requirement',
      'tck-id-payloads-metric-datatype-not-req',
    ],
    judge({ sessions }, expect) {
      for (const { messages } of sessions) {
        const known = new Map<string | undefined, Set<number | undefined>>();
        for (const { kind: found, device, payload, topic } of messages) {
          if (found.endsWith('BIRTH')) known.set(device, new Set(payload.metrics.map(({ alias }) => alias)));
          if (found !== kind) continue;
          for (const { name, alias, datatype } of payload.metrics)
            expect(
              name === undefined && datatype === undefined && alias !== undefined && !!known.get(device)?.has(alias),
              `${topic}: ${name ?? alias}`,
            );
        }
      }
    },
  };
}

function remember(known: Map<number, { name: string; value: string }>, metric: ReadMetric, name: string): void {
  if (metric.alias !== undefined) known.set(metric.alias, { name, value: shown(metric) });
}

const shown = ({ isNull, value }: ReadMetric) => (isNull ? 'null' : JSON.stringify(value));
