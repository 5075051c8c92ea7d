import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPEN, POLL } from './abi/constants.js';
import { QUERYCAP } from './abi/ioctl.js';
import { ERRNO } from './errors.js';
import { type Mapping, systemLibc } from './libc.js';
import { Memory } from './memory.js';

const libc = systemLibc();
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'node-v4l2-'));
  file = join(folder, 'memory');
  writeFileSync(file, Buffer.alloc(8192, 7));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the C library of the process', () => {
  it('opens and closes, and answers with negated error numbers', () => {
    const fd = libc.open(file, OPEN.RDWR);
    expect(fd).toBeGreaterThan(2);
    expect(libc.close(fd)).toBe(0);
    expect(libc.close(fd)).toBe(-ERRNO.EBADF);
    expect(libc.open(join(folder, 'none'), OPEN.RDWR)).toBe(-ERRNO.ENOENT);
  });

  it('maps memory that is shared with the file, page by page', () => {
    const fd = libc.open(file, OPEN.RDWR);
    const mapping = libc.mmap(fd, 4096, 4096) as Mapping;
    expect(mapping.bytes).toHaveLength(4096);
    expect(mapping.bytes.every((byte) => byte === 7)).toBe(true);
    mapping.bytes[0] = 42;
    expect(libc.munmap(mapping)).toBe(0);
    expect(readFileSync(file)[4096]).toBe(42);
    libc.close(fd);
  });

  it('maps the same place again after it was unmapped, many times', () => {
    const fd = libc.open(file, OPEN.RDWR);
    for (let i = 0; i < 2000; i++) {
      const mapping = libc.mmap(fd, 8192, 0) as Mapping;
      expect(mapping.bytes[8191]).toBe(7);
      libc.munmap(mapping);
    }
    libc.close(fd);
  });

  it('sees that mapping failed, which is no null pointer', () => {
    expect(libc.mmap(-1, 4096, 0)).toBe(-ERRNO.EBADF);
    const fd = libc.open(file, OPEN.RDWR);
    expect(libc.mmap(fd, 4096, 100)).toBe(-ERRNO.EINVAL);
    libc.close(fd);
  });

  it('polls, and gives up when the time is over', () => {
    const fd = libc.open(file, OPEN.RDWR);
    expect(libc.poll(fd, POLL.IN, 0)).toBe(POLL.IN);
    libc.close(fd);
    expect(libc.poll(fd, POLL.IN, 0)).toBe(POLL.NVAL);
    const start = performance.now();
    // A descriptor of -1 is ignored: nothing ever comes.
    expect(libc.poll(-1, POLL.IN, 50)).toBe(0);
    expect(performance.now() - start).toBeGreaterThan(40);
  });

  it('passes ioctl on, with the error of whoever does not know it', () => {
    const fd = libc.open(file, OPEN.RDWR);
    expect(libc.ioctl(fd, QUERYCAP.request, new Memory(QUERYCAP.size).bytes)).toBe(-ERRNO.ENOTTY);
    libc.close(fd);
  });

  it('knows where memory lies, which does not move', () => {
    const memories = Array.from({ length: 200 }, (_, i) => new Memory(8 + i));
    const before = memories.map(({ bytes }) => libc.address(bytes));
    expect(new Set(before).size).toBe(memories.length);
    // Enough garbage for V8 to move what it may move.
    for (let i = 0; i < 200; i++) new Array(10_000).fill(i).map(String);
    expect(memories.map(({ bytes }) => libc.address(bytes))).toEqual(before);
  });
});
