import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';

/** A float32 tensor as a file holds it: row-major `data` of `shape`. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format allows 100 MB of header; a file that claims more is hostile or no safetensors file. */
const MAX_HEADER_BYTES = 100_000_000;

const metadataSchema = z.record(z.string(), z.string());

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** A safetensors file whose header is read; tensors are read one by one. */
export interface OpenSafetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** Shape of every tensor by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** @throws BeltsightError BACKBONE_INVALID if there is no such tensor, or it is damaged or not of float32 */
  read(name: string): StoredTensor;
}

/**
 * Reads all of a safetensors file (8-byte little-endian header length, JSON header, data) of float32 tensors.
 * @param source what the bytes are, for messages: a file name
 * @throws BeltsightError BACKBONE_INVALID if the file is truncated, malformed or holds other element types
 */
export function readSafetensors(bytes: Uint8Array, source: string): SafetensorsFile {
  const { metadata, shapes, read } = openSafetensors(bytes, source);
  return { metadata, tensors: new Map([...shapes.keys()].map((name) => [name, read(name)])) };
}

/**
 * Reads the header of a safetensors file. Tensors that nobody reads may be of any element type.
 * @param source what the bytes are, for messages: a file name
 * @throws BeltsightError BACKBONE_INVALID if the header is truncated or malformed
 */
export function openSafetensors(bytes: Uint8Array, source: string): OpenSafetensors {
  const fail = (why: string, cause?: unknown) =>
    new BeltsightError('BACKBONE_INVALID', `${source} is not a usable safetensors file: ${why}`, { cause });
  if (bytes.length < 8) throw fail('it is shorter than its 8-byte header length.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > bytes.length) {
    throw fail(
      `its header claims ${headerBytes} bytes, the file has ${bytes.length}: truncated, or of another format.`,
    );
  }
  let header: Record<string, Entry | Record<string, string>>;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + headerBytes)));
  } catch (cause) {
    throw fail('its header is not JSON.', cause);
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header))
    throw fail('its header is no JSON object.');
  const { __metadata__, ...rest } = header;
  const metadata = metadataSchema.safeParse(__metadata__ ?? {});
  if (!metadata.success) throw fail('its __metadata__ is no map of texts.', metadata.error);
  const entries = new Map(Object.entries(rest as Record<string, Entry>));
  for (const [name, entry] of entries) requireEntry(name, entry, fail);
  const data = bytes.subarray(8 + headerBytes);
  return {
    metadata: metadata.data,
    shapes: new Map([...entries].map(([name, { shape }]) => [name, shape])),
    read(name) {
      const entry = entries.get(name);
      if (!entry) throw fail(`it has no tensor "${name}".`);
      return readTensor(name, entry, data, fail);
    },
  };
}

function requireEntry(name: string, entry: Entry, fail: (why: string) => BeltsightError): void {
  const { shape, data_offsets: offsets } = entry ?? {};
  const natural = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(natural) || !Array.isArray(offsets) || !offsets.every(natural)) {
    throw fail(`tensor "${name}" has no valid shape and data_offsets.`);
  }
}

function readTensor(name: string, entry: Entry, data: Uint8Array, fail: (why: string) => BeltsightError): StoredTensor {
  const {
    dtype,
    shape,
    data_offsets: [start, end],
  } = entry;
  if (dtype !== 'F32') throw fail(`tensor "${name}" is ${dtype}; only F32 is read: convert the file to float32.`);
  const length = shape.reduce((product: number, dim: number) => product * dim, 1);
  if (end - start !== length * 4)
    throw fail(`tensor "${name}" has ${end - start} bytes; its shape needs ${length * 4}.`);
  if (end > data.length) throw fail(`tensor "${name}" ends ${end - data.length} bytes behind the end: truncated.`);
  const copy = new Float32Array(length);
  new Uint8Array(copy.buffer).set(data.subarray(start, end));
  if (!copy.every(Number.isFinite)) throw fail(`tensor "${name}" holds NaN or infinity.`);
  return { shape, data: copy };
}

/** Writes float32 tensors as a safetensors file; the same tensors give the same bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // The data starts at a multiple of 8; the format pads the header with spaces.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  let at = 8 + headerBytes;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
