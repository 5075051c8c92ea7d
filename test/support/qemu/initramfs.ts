import { gzipSync } from 'node:zlib';

/** A file, folder or device of an initramfs. */
export interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly data?: Uint8Array;
}

const FOLDER = 0o040755;
const EXECUTABLE = 0o100755;

export const folder = (path: string): Entry => ({ path, mode: FOLDER });
export const file = (path: string, data: Uint8Array | string): Entry => ({
  path,
  mode: EXECUTABLE,
  data: Buffer.from(data),
});

/** An initramfs: a cpio archive ("newc", Documentation/driver-api/early-userspace/buffer-format.rst of Linux), compressed. */
export function initramfs(entries: readonly Entry[]): Buffer {
  const records = [...entries, { path: 'TRAILER!!!', mode: 0 }].map(
    ({ path, mode, data = new Uint8Array() }: Entry, i) => {
      const numbers = [i + 1, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length + 1, 0];
      const header = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`;
      return Buffer.concat([padded(Buffer.from(`${header}${path}\0`)), padded(Buffer.from(data))]);
    },
  );
  return gzipSync(Buffer.concat(records), { level: 1 });
}

/** Filled up to a multiple of four bytes. */
function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
