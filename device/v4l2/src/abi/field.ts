/** One member of a C structure: where it lies, and how it is read and written in memory that starts at `base`. */
export interface Field<T> {
  readonly offset: number;
  readonly size: number;
  get(view: DataView, base?: number): T;
  set(view: DataView, value: T, base?: number): void;
}

/** Members of a structure by their designators in C, such as `fmt.pix.width`. */
export type Fields = Readonly<Record<string, Field<number> | Field<bigint> | Field<string>>>;

/** A C structure: its size and its members. */
export interface Struct<F extends Fields> {
  readonly size: number;
  readonly fields: F;
}

/** Both architectures are little-endian. */
const LITTLE = true;

export const u8 = (offset: number): Field<number> => ({
  offset,
  size: 1,
  get: (view, base = 0) => view.getUint8(base + offset),
  set: (view, value, base = 0) => view.setUint8(base + offset, value),
});

export const u32 = (offset: number): Field<number> => ({
  offset,
  size: 4,
  get: (view, base = 0) => view.getUint32(base + offset, LITTLE),
  set: (view, value, base = 0) => view.setUint32(base + offset, value, LITTLE),
});

export const s32 = (offset: number): Field<number> => ({
  offset,
  size: 4,
  get: (view, base = 0) => view.getInt32(base + offset, LITTLE),
  set: (view, value, base = 0) => view.setInt32(base + offset, value, LITTLE),
});

export const s64 = (offset: number): Field<bigint> => ({
  offset,
  size: 8,
  get: (view, base = 0) => view.getBigInt64(base + offset, LITTLE),
  set: (view, value, base = 0) => view.setBigInt64(base + offset, value, LITTLE),
});

export const u64 = (offset: number): Field<bigint> => ({
  offset,
  size: 8,
  get: (view, base = 0) => view.getBigUint64(base + offset, LITTLE),
  set: (view, value, base = 0) => view.setBigUint64(base + offset, value, LITTLE),
});

/** A character array, up to its first zero. What does not fit is cut off, so that a zero always ends it. */
export const text = (offset: number, size: number): Field<string> => ({
  offset,
  size,
  get(view, base = 0) {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + base + offset, size);
    const end = bytes.indexOf(0);
    return DECODER.decode(bytes.slice(0, end < 0 ? size : end));
  },
  set(view, value, base = 0) {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + base + offset, size).fill(0);
    ENCODER.encodeInto(value, bytes.subarray(0, size - 1));
  },
});

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();
