import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Field, Message, Scalar } from './schema.js';

type Fields = Record<string, unknown>;

const WIRE_TYPES: Record<Scalar, WireType> = {
  uint32: WireType.Varint,
  uint64: WireType.Varint,
  count: WireType.Varint,
  bool: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
};

/** Encodes the fields of an object that a message has, and that are not undefined. */
export function encode(message: Message, object: Readonly<Fields>): Uint8Array {
  return write(new BinaryWriter(), message, object).finish();
}

/**
 * Decodes a message: fields that are not there are not in the object, unknown ones are skipped. Of equal fields the last holds, and
 * is last in the object.
 * @throws Error where the bytes are no such message
 */
export function decode(message: Message, bytes: Uint8Array): Fields {
  return read(new BinaryReader(bytes), bytes.length, message);
}

function write(writer: BinaryWriter, message: Message, object: Readonly<Fields>): BinaryWriter {
  // By what the object has, not by what the message might have: metrics have few of their many fields.
  for (const name of Object.keys(object)) {
    const field = message[name];
    const value = object[name];
    if (field === undefined || value === undefined) continue;
    if (field.repeated) for (const item of value as readonly unknown[]) writeField(writer, field, item);
    else writeField(writer, field, value);
  }
  return writer;
}

function writeField(writer: BinaryWriter, { number, type }: Field, value: unknown): void {
  if (typeof type !== 'string') {
    write(writer.tag(number, WireType.LengthDelimited).fork(), type, value as Fields).join();
    return;
  }
  writer.tag(number, WIRE_TYPES[type]);
  if (type === 'count') writer.uint64(value as number);
  else writer[type](value as never);
}

function read(reader: BinaryReader, end: number, message: Message): Fields {
  const byNumber = numbered(message);
  const object: Fields = {};
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const [name, field] = byNumber.get(number) ?? [];
    if (!name || !field) {
      reader.skip(wireType, number);
      continue;
    }
    const value = readField(reader, field, wireType);
    if (field.repeated) {
      const list = (object[name] as unknown[] | undefined) ?? [];
      list.push(value);
      object[name] = list;
    } else {
      delete object[name];
      object[name] = value;
    }
  }
  if (reader.pos !== end) throw new Error('A message ends within a field.');
  return object;
}

function readField(reader: BinaryReader, { number, type }: Field, wireType: WireType): unknown {
  const wanted = typeof type === 'string' ? WIRE_TYPES[type] : WireType.LengthDelimited;
  if (wireType !== wanted) throw new Error(`Field ${number} has wire type ${wireType} instead of ${wanted}.`);
  if (typeof type !== 'string') {
    const length = reader.uint32();
    if (length > reader.len - reader.pos) throw new Error(`Field ${number} is longer than the message.`);
    return read(reader, reader.pos + length, type);
  }
  if (type === 'count') return Number(reader.uint64());
  return type === 'uint64' ? BigInt(reader.uint64()) : reader[type]();
}

const cache = new WeakMap<Message, Map<number, [string, Field]>>();

function numbered(message: Message): Map<number, [string, Field]> {
  const known = cache.get(message);
  if (known) return known;
  const made = new Map(
    Object.entries(message).map(([name, field]) => [field.number, [name, field] as [string, Field]]),
  );
  cache.set(message, made);
  return made;
}
