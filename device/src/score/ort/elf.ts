import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** e_machine of the ELF header (System V ABI). */
const MACHINES: Readonly<Record<number, NodeJS.Architecture>> = { 62: 'x64', 183: 'arm64' };
const HEADER = 64;
const SEGMENT = 56;

/**
 * Checks that a file is a whole shared library for a processor. The loader does not: what lies beyond the end of a truncated file
 * ends the process when it is touched.
 * @throws Error saying what it is instead
 */
export function requireLibrary(file: string, arch: NodeJS.Architecture = process.arch): void {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const read = (offset: number, length: number) => {
      const bytes = new DataView(new ArrayBuffer(length));
      if (readSync(handle, bytes, 0, length, offset) < length) throw new Error('it is no whole shared library');
      return bytes;
    };
    const header = read(0, HEADER);
    // 0x7F "ELF", 64 bit, little-endian.
    if (header.getUint32(0) !== 0x7f454c46 || header.getUint16(4) !== 0x0201)
      throw new Error('it is no shared library');
    const machine = MACHINES[header.getUint16(18, true)];
    if (machine !== arch) throw new Error(`it is made for ${machine ?? 'another processor'}, not for ${arch}`);
    const [first, count] = [Number(header.getBigUint64(32, true)), header.getUint16(56, true)];
    for (let i = 0; i < count; i++) {
      const segment = read(first + i * SEGMENT, SEGMENT);
      const end = segment.getBigUint64(8, true) + segment.getBigUint64(32, true);
      if (end > size) throw new Error(`it is cut short: ${size} bytes where there should be ${end} or more`);
    }
  } finally {
    closeSync(handle);
  }
}
