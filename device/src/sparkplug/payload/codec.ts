import { DATA_TYPES, type DataType, toWire, type WireValue } from './datatype.js';
import { PAYLOAD, VALUE_FIELDS } from './schema.js';
import { decode, encode } from './wire.js';

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
  readonly metrics: readonly Metric[];
}

export function encodePayload({ metrics, ...payload }: Payload): Uint8Array {
  return encode(PAYLOAD, { ...payload, metrics: metrics.map(encodeMetric) });
}

/**
 * Reads a payload, whoever sent it. Properties are not read: hosts send none that matter here.
 * @returns undefined where the bytes are no payload
 */
export function decodePayload(bytes: Uint8Array): Payload | undefined {
  try {
    const { metrics = [], ...payload } = decode(PAYLOAD, bytes);
    return { ...payload, metrics: (metrics as Record<string, unknown>[]).map(decodeMetric) };
  } catch {
    return undefined;
  }
}

function encodeMetric({ value, properties, ...metric }: Metric): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...metric };
  if (properties) fields.properties = encodeProperties(properties);
  if (value) fields[value.case] = value.value;
  return fields;
}

function encodeProperties(properties: Readonly<Record<string, Property>>): Record<string, unknown> {
  return {
    keys: Object.keys(properties),
    values: Object.values(properties).map(({ type, value }) => {
      const wire = toWire(type, value);
      return { type: DATA_TYPES[type], [wire.case]: wire.value };
    }),
  };
}

function decodeMetric({ properties: _, ...fields }: Record<string, unknown>): Metric {
  // Of several values the last holds, as protobuf has it for a oneof.
  const last = Object.keys(fields).findLast((name) => (VALUE_FIELDS as string[]).includes(name));
  const rest = Object.fromEntries(
    Object.entries(fields).filter(([name]) => !(VALUE_FIELDS as string[]).includes(name)),
  );
  return { ...rest, ...(last === undefined ? {} : { value: { case: last, value: fields[last] } as WireValue }) };
}
