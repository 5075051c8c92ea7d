import { crc32 } from 'node:zlib';

/** Pictures are given up before results. */
export type Importance = 'picture' | 'result';

/** One record as it lies in the store. */
export interface StoredRecord {
  readonly importance: Importance;
  /** When it was pushed, in milliseconds since 1970. */
  readonly at: number;
  readonly body: Uint8Array;
}

/** A record, or the keys of records that were taken out, as they follow each other in a file. */
export type Frame =
  | { readonly kind: Importance; readonly key: number; readonly at: number; readonly body: Buffer }
  | { readonly kind: 'removed'; readonly keys: readonly number[] };

/** The last byte is the number of the format. */
const MAGIC = Buffer.from('BLSP\x01', 'latin1');
const KINDS = ['picture', 'result', 'removed'] as const;
/** Magic, kind, length of the body, key, time. */
export const HEADER_BYTES = MAGIC.length + 1 + 4 + 8 + 8;
const CHECKSUM_BYTES = 4;
/** No message is larger: a length beyond is damage. */
const LONGEST_BODY = 2 ** 28;

export const encodeRecord = (key: number, { importance, at, body }: StoredRecord): Buffer =>
  encode(importance, key, at, body);

export function encodeRemoved(keys: readonly number[]): Buffer {
  const body = Buffer.allocUnsafe(keys.length * 8);
  for (const [i, key] of keys.entries()) body.writeDoubleBE(key, i * 8);
  return encode('removed', 0, 0, body);
}

function encode(kind: (typeof KINDS)[number], key: number, at: number, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length + CHECKSUM_BYTES);
  let offset = MAGIC.copy(bytes);
  offset = bytes.writeUInt8(KINDS.indexOf(kind), offset);
  offset = bytes.writeUInt32BE(body.length, offset);
  offset = bytes.writeDoubleBE(key, offset);
  offset = bytes.writeDoubleBE(at, offset);
  bytes.set(body, offset);
  bytes.writeUInt32BE(checksum(bytes, bytes.length), bytes.length - CHECKSUM_BYTES);
  return bytes;
}

/**
 * Bytes of the frame that begins with these, from its header alone; undefined where none begins.
 * @param bytes `HEADER_BYTES` or more
 */
export function frameBytes(bytes: Buffer, offset = 0): number | undefined {
  if (bytes.length - offset < HEADER_BYTES || MAGIC.compare(bytes, offset, offset + MAGIC.length) !== 0)
    return undefined;
  const body = bytes.readUInt32BE(offset + MAGIC.length + 1);
  return body > LONGEST_BODY ? undefined : HEADER_BYTES + body + CHECKSUM_BYTES;
}

/** The frame at an offset; undefined where its bytes are not what was written. */
export function decodeFrame(bytes: Buffer, offset = 0): Frame | undefined {
  const length = frameBytes(bytes, offset);
  if (length === undefined || offset + length > bytes.length) return undefined;
  const frame = bytes.subarray(offset, offset + length);
  if (checksum(frame, length) !== frame.readUInt32BE(length - CHECKSUM_BYTES)) return undefined;
  const kind = KINDS[frame.readUInt8(MAGIC.length)];
  const body = frame.subarray(HEADER_BYTES, length - CHECKSUM_BYTES);
  if (kind === undefined) return undefined;
  if (kind !== 'removed') {
    return { kind, key: frame.readDoubleBE(MAGIC.length + 5), at: frame.readDoubleBE(MAGIC.length + 13), body };
  }
  return { kind, keys: Array.from({ length: Math.floor(body.length / 8) }, (_, i) => body.readDoubleBE(i * 8)) };
}

/** Where the next frame may begin from an offset on; undefined where none does. */
export function nextFrame(bytes: Buffer, offset: number): number | undefined {
  const at = bytes.indexOf(MAGIC, offset);
  return at < 0 ? undefined : at;
}

const checksum = (bytes: Buffer, length: number) => crc32(bytes.subarray(MAGIC.length, length - CHECKSUM_BYTES));
