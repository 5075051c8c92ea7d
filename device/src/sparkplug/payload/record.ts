import { decodePayload, encodePayload } from './codec.js';
import { DATA_TYPES, type DataType, fromWire, toWire, type Value } from './datatype.js';

/** What is stored of a result until the host has it: values by name, for aliases may change with the configuration. */
export interface StoredRecord {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly values: Readonly<Record<string, Value>>;
}

/** @param typeOf data type of a metric by name */
export function encodeRecord({ at, values }: StoredRecord, typeOf: (name: string) => DataType | undefined): Uint8Array {
  return encodePayload({
    timestamp: at,
    metrics: Object.entries(values).flatMap(([name, value]) => {
      const type = typeOf(name);
      if (!type) return [];
      const known = { name, datatype: DATA_TYPES[type] };
      return [value === null ? { ...known, isNull: true } : { ...known, value: toWire(type, value) }];
    }),
  });
}

/** @returns undefined where the bytes are no record: written by another version, or damaged */
export function decodeRecord(bytes: Uint8Array): StoredRecord | undefined {
  const payload = decodePayload(bytes);
  if (payload?.timestamp === undefined) return undefined;
  const values: Record<string, Value> = {};
  for (const { name, datatype, isNull, value } of payload.metrics) {
    const type = TYPES.get(datatype ?? 0);
    if (name === undefined || !type) return undefined;
    const found = isNull ? null : value && fromWire(type, value);
    if (found === undefined) return undefined;
    values[name] = found;
  }
  return { at: payload.timestamp, values };
}

const TYPES = new Map(Object.entries(DATA_TYPES).map(([name, code]) => [code as number, name as DataType]));
