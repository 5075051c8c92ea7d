/** Data types of metrics and properties that are used here, with their codes (Sparkplug 3.0, section 6.4.16). */
export const DATA_TYPES = {
  Int32: 3,
  Int64: 4,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  File: 18,
} as const;
export type DataType = keyof typeof DATA_TYPES;

/** What a metric holds: whole numbers for Int32, Int64 and DateTime (ms since 1970 UTC), bytes for File, null for none. */
export type Value = string | number | boolean | Uint8Array | null;

/** A value as it lies in a payload: the field of the `value` oneof that is set (section 6.4.1). */
export type WireValue =
  | { readonly case: 'intValue'; readonly value: number }
  | { readonly case: 'longValue'; readonly value: bigint }
  | { readonly case: 'floatValue'; readonly value: number }
  | { readonly case: 'doubleValue'; readonly value: number }
  | { readonly case: 'booleanValue'; readonly value: boolean }
  | { readonly case: 'stringValue'; readonly value: string }
  | { readonly case: 'bytesValue'; readonly value: Uint8Array };

/** Signed numbers lie in unsigned fields as two's complement (section 6.4.17). */
export function toWire(type: DataType, value: Exclude<Value, null>): WireValue {
  switch (type) {
    case 'Int32':
      return { case: 'intValue', value: Number(value) >>> 0 };
    case 'Int64':
    case 'DateTime':
      return { case: 'longValue', value: BigInt.asUintN(64, BigInt(Math.trunc(Number(value)))) };
    case 'Double':
      return { case: 'doubleValue', value: Number(value) };
    case 'Boolean':
      return { case: 'booleanValue', value: Boolean(value) };
    case 'String':
      return { case: 'stringValue', value: String(value) };
    case 'File':
      return { case: 'bytesValue', value: value as Uint8Array };
  }
}

/**
 * The value that was written, as a metric of this type holds it; undefined where it does not fit. Hosts may write a number in
 * any numeric field: what counts is whether the value is compatible.
 */
export function fromWire(type: DataType, wire: WireValue): Exclude<Value, null> | undefined {
  switch (type) {
    case 'Boolean':
      return wire.case === 'booleanValue' ? wire.value : undefined;
    case 'String':
      return wire.case === 'stringValue' ? wire.value : undefined;
    case 'File':
      return wire.case === 'bytesValue' ? wire.value : undefined;
    case 'Double': {
      const number = numberOf(wire);
      return number !== undefined && Number.isFinite(number) ? number : undefined;
    }
    case 'Int32':
      return within(numberOf(wire), -(2 ** 31), 2 ** 31 - 1);
    case 'Int64':
    case 'DateTime':
      return within(numberOf(wire), Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  }
}

function numberOf(wire: WireValue): number | undefined {
  switch (wire.case) {
    case 'intValue':
      return wire.value | 0;
    case 'longValue':
      return Number(BigInt.asIntN(64, wire.value));
    case 'floatValue':
    case 'doubleValue':
      return wire.value;
    default:
      return undefined;
  }
}

function within(number: number | undefined, low: number, high: number): number | undefined {
  return number !== undefined && Number.isInteger(number) && number >= low && number <= high ? number : undefined;
}
