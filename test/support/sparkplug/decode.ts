import codec from 'sparkplug-payload/lib/sparkplugPayloadProto.js';

const { Payload } = codec.org.eclipse.tahu.protobuf;

/** A metric as Eclipse Tahu's codec reads it; a field that the bytes do not hold is undefined. */
export interface ReadMetric {
  readonly name: string | undefined;
  readonly alias: number | undefined;
  readonly timestamp: number | undefined;
  readonly datatype: number | undefined;
  readonly historical: boolean;
  readonly isNull: boolean;
  readonly properties:
    | { readonly keys: readonly string[]; readonly types: readonly (number | undefined)[] }
    | undefined;
  readonly contentType: string | undefined;
  readonly size: number | undefined;
  readonly md5: string | undefined;
  /** Name of the value's field in the schema. */
  readonly field: string | undefined;
  readonly value: unknown;
}

export interface ReadPayload {
  readonly timestamp: number | undefined;
  readonly seq: number | undefined;
  readonly metrics: readonly ReadMetric[];
}

const VALUES = [
  'intValue',
  'longValue',
  'floatValue',
  'doubleValue',
  'booleanValue',
  'stringValue',
  'bytesValue',
] as const;

/**
 * Reads a payload by the codec of Eclipse Tahu, which shares nothing with the device's.
 * @throws where the bytes are no payload
 */
export function readPayload(bytes: Uint8Array): ReadPayload {
  const payload = Payload.decode(bytes);
  return {
    timestamp: numberOf(payload, 'timestamp'),
    seq: numberOf(payload, 'seq'),
    metrics: payload.metrics.map((metric) => {
      const field = VALUES.find((name) => Object.hasOwn(metric, name));
      const { properties, metadata } = metric;
      return {
        name: Object.hasOwn(metric, 'name') ? String(metric.name) : undefined,
        alias: numberOf(metric, 'alias'),
        timestamp: numberOf(metric, 'timestamp'),
        datatype: numberOf(metric, 'datatype'),
        historical: metric.isHistorical === true,
        isNull: metric.isNull === true,
        properties: properties
          ? { keys: properties.keys ?? [], types: (properties.values ?? []).map((value) => numberOf(value, 'type')) }
          : undefined,
        contentType: metadata?.contentType ?? undefined,
        size: metadata ? numberOf(metadata, 'size') : undefined,
        md5: metadata?.md5 ?? undefined,
        field,
        value: field === 'longValue' ? numberOf(metric, 'longValue') : field && metric[field],
      };
    }),
  };
}

/** A value to write, as its field in the schema. */
export type Written = Partial<Record<(typeof VALUES)[number], unknown>> & { isNull?: boolean };

/** The payload of a command, as a host encodes it: without a sequence number. */
export function writePayload(metrics: readonly ({ name?: string; alias?: number } & Written)[]): Buffer {
  return Buffer.from(
    Payload.encode(Payload.create({ timestamp: Date.now(), metrics: [...metrics] as object[] })).finish(),
  );
}

function numberOf(object: object, field: string): number | undefined {
  return Object.hasOwn(object, field) ? Number((object as Record<string, unknown>)[field]) : undefined;
}
