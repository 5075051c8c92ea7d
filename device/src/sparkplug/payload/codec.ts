import { create, type DescMessage, fromBinary, isFieldSet, type Message, toBinary } from '@bufbuild/protobuf';
import { DATA_TYPES, type DataType, toWire, type WireValue } from './datatype.js';
import { messageOf } from './schema.js';

/** What is known of a file besides its bytes (section 6.4.7). */
export interface MetaData {
  readonly contentType: string;
  readonly size: number;
  readonly fileName: string;
  readonly fileType: string;
  /** Of the bytes, in hexadecimal. */
  readonly md5: string;
}

/** A property of a metric (section 6.4.9). */
export interface Property {
  readonly type: DataType;
  readonly value: string | number | boolean;
}

/** One metric of a payload (section 6.4.6). */
export interface Metric {
  readonly name?: string;
  readonly alias?: number;
  /** Milliseconds since 1970 UTC. */
  readonly timestamp?: number;
  /** Code of the data type. */
  readonly datatype?: number;
  readonly isHistorical?: boolean;
  readonly isNull?: boolean;
  readonly metadata?: MetaData;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly value?: WireValue;
}

/** A Sparkplug B payload (section 6.4.5). */
export interface Payload {
  /** Milliseconds since 1970 UTC. */
  readonly timestamp?: number;
  readonly seq?: number;
  readonly uuid?: string;
  readonly metrics: readonly Metric[];
}

const PAYLOAD = messageOf('Payload');
const METRIC = messageOf('Metric');
const METADATA = messageOf('MetaData');

/** Whatever a message of a descriptor holds; only this module sees it. */
type Loose = Message & Record<string, unknown>;

export function encodePayload({ timestamp, seq, uuid, metrics }: Payload): Uint8Array {
  const message = create(PAYLOAD, {
    ...(timestamp === undefined ? {} : { timestamp: BigInt(timestamp) }),
    ...(seq === undefined ? {} : { seq: BigInt(seq) }),
    ...(uuid === undefined ? {} : { uuid }),
    metrics: metrics.map(encodeMetric),
  });
  return toBinary(PAYLOAD, message);
}

/**
 * Reads a payload, whoever sent it.
 * @returns undefined where the bytes are no payload
 */
export function decodePayload(bytes: Uint8Array): Payload | undefined {
  try {
    const message = fromBinary(PAYLOAD, bytes, { readUnknownFields: false }) as Loose;
    return {
      ...optional(PAYLOAD, message, 'timestamp', Number),
      ...optional(PAYLOAD, message, 'seq', Number),
      ...optional(PAYLOAD, message, 'uuid', String),
      metrics: (message.metrics as Loose[]).map(decodeMetric),
    };
  } catch {
    return undefined;
  }
}

function encodeMetric(metric: Metric): Record<string, unknown> {
  const { name, alias, timestamp, datatype, isHistorical, isNull, metadata, properties, value } = metric;
  return {
    ...(name === undefined ? {} : { name }),
    ...(alias === undefined ? {} : { alias: BigInt(alias) }),
    ...(timestamp === undefined ? {} : { timestamp: BigInt(timestamp) }),
    ...(datatype === undefined ? {} : { datatype }),
    ...(isHistorical === undefined ? {} : { isHistorical }),
    ...(isNull === undefined ? {} : { isNull }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata, size: BigInt(metadata.size) } }),
    ...(properties === undefined ? {} : { properties: encodeProperties(properties) }),
    ...(value === undefined ? {} : { value }),
  };
}

function encodeProperties(properties: Readonly<Record<string, Property>>): Record<string, unknown> {
  return {
    keys: Object.keys(properties),
    values: Object.values(properties).map(({ type, value }) => ({
      type: DATA_TYPES[type],
      value: toWire(type, value),
    })),
  };
}

function decodeMetric(message: Loose): Metric {
  const value = message.value as WireValue | { case: undefined };
  return {
    ...optional(METRIC, message, 'name', String),
    ...optional(METRIC, message, 'alias', Number),
    ...optional(METRIC, message, 'timestamp', Number),
    ...optional(METRIC, message, 'datatype', Number),
    ...optional(METRIC, message, 'isHistorical', Boolean),
    ...optional(METRIC, message, 'isNull', Boolean),
    ...optional(METRIC, message, 'metadata', (found) => decodeMetaData(found as Loose)),
    ...(value.case === undefined ? {} : { value }),
  };
}

function decodeMetaData(message: Loose): MetaData {
  const text = (field: string) => (isFieldSet(message, fieldOf(METADATA, field)) ? String(message[field]) : '');
  return {
    contentType: text('contentType'),
    size: Number(message.size),
    fileName: text('fileName'),
    fileType: text('fileType'),
    md5: text('md5'),
  };
}

function optional<K extends string, T>(
  descriptor: DescMessage,
  message: Loose,
  field: K,
  convert: (value: unknown) => T,
): { [P in K]?: T } {
  if (!isFieldSet(message, fieldOf(descriptor, field))) return {};
  return { [field]: convert(message[field]) } as { [P in K]?: T };
}

function fieldOf(descriptor: DescMessage, field: string) {
  return descriptor.field[field] as DescMessage['fields'][number];
}
