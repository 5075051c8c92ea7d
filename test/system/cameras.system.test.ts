import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import header from '../../device/v4l2/src/abi/header.fixture.json' with { type: 'json' };
import type { Answer } from '../guest/report.js';
import { runCameraGuest } from '../support/camera-guest.js';
import { ROOT } from '../support/processes.js';
import type { GuestArch } from '../support/qemu/packages.js';
import { compileHeader } from '../support/v4l2-header.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'beltsight-cameras-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('has the layouts and numbers that a C compiler makes of linux/videodev2.h', () => {
  const { structs, ioctls, formats } = header;
  expect(compileHeader(folder)).toEqual({ structs, ioctls, formats });
});

it('calls what LD_PRELOAD puts before the C library', async () => {
  const [source, library] = [join(folder, 'preload.c'), join(folder, 'preload.so')];
  writeFileSync(
    source,
    '#include <errno.h>\n#include <string.h>\nint open(const char *path, int flags, ...) {\n  errno = strcmp(path, "/dev/preloaded") ? ENOSYS : EBUSY;\n  return -1;\n}\n',
  );
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source]);
  const program = `import('node-v4l2').then(({ openCamera }) => openCamera({ device: '/dev/preloaded' })).catch((e) => console.log(e.code))`;
  const env = { ...process.env, LD_PRELOAD: library };
  const output = execFileSync(process.execPath, ['-e', program], { cwd: ROOT, env, encoding: 'utf8' });
  expect(output.trim()).toBe('V4L2_BUSY');
});

/** Red in each format, as vivid draws it: limited range of BT.601, grey with full range of Rec.709. Values repeat in each plane in this order. */
const [Y, U, V] = [81, 90, 240];
const LUMA = 54;
const RED: Readonly<Record<string, readonly (readonly number[])[]>> = {
  YUYV: [[Y, U, Y, V]],
  UYVY: [[U, Y, V, Y]],
  NV12: [[Y], [U, V]],
  NV21: [[Y], [V, U]],
  YU12: [[Y], [U], [V]],
  GREY: [[LUMA]],
  RGB24: [[255, 0, 0]],
  BGR24: [[0, 0, 255]],
};
/** Rounding of the driver's colour tables. */
const TOLERANCE = 2;

const [WIDTH, HEIGHT] = [320, 180];
const BITS: Readonly<Record<string, number>> = {
  NV12: 12,
  NV21: 12,
  YU12: 12,
  GREY: 8,
  RGB24: 24,
  BGR24: 24,
  BGRx: 32,
};
const NOTHING = { devices: 0, mappings: 0 };

/** v4l2loopback, which is quick, is on x64 alone: so arm64 captures fewer frames. */
const FRAMES = { x64: 10_000, arm64: 1000 } as const;

/** Both guests run side by side. They take three minutes each on an idle machine, and far more beside other work. */
const GUESTS_MS = 1_800_000;
let guests: Readonly<Record<GuestArch, Promise<ReadonlyMap<string, Answer>>>>;
beforeAll(async () => {
  const run = (arch: GuestArch) => runCameraGuest({ arch, folder, frames: FRAMES[arch], timeoutMs: GUESTS_MS });
  guests = { x64: run('x64'), arm64: run('arm64') };
  await Promise.allSettled(Object.values(guests));
}, GUESTS_MS);

describe.each(['x64', 'arm64'] as const)('on a kernel for %s with virtual cameras', (arch) => {
  const frames = FRAMES[arch];
  let answers: ReadonlyMap<string, Answer>;
  beforeAll(async () => {
    answers = await guests[arch];
  });

  /** What a check found. Its shape is that of test/guest/cameras.ts. */
  // biome-ignore lint/suspicious/noExplicitAny: answers come as text from another machine; each test says what it expects.
  const found = (check: string): any => {
    const answer = answers.get(check);
    if (answer?.found === undefined) throw new Error(`"${check}" failed in the guest: ${answer?.error ?? 'no answer'}`);
    return answer.found;
  };

  it('lists the cameras with ids by their places', () => {
    const { devices } = found('devices');
    const cameras = devices.filter(({ driver }: { driver: string }) => driver === 'vivid');
    expect(cameras).toEqual(
      [0, 1, 2].map((n) => ({
        id: `platform:vivid-00${n}-video-index0`,
        path: `/dev/video${n}`,
        card: 'vivid',
        driver: 'vivid',
        busInfo: `platform:vivid-00${n}`,
        links: [],
        capture: n === 1 ? 'multi-planar' : 'single-planar',
      })),
    );
  });

  it('lists formats, sizes and intervals', () => {
    const { formats, sizes, intervals } = found('queries');
    for (const format of Object.keys(RED)) expect(formats).toContain(format);
    expect(formats).toContain('Y16 -BE');
    expect(sizes).toContainEqual({ kind: 'discrete', width: WIDTH, height: HEIGHT });
    expect(intervals).toContainEqual({ kind: 'discrete', interval: { numerator: 1, denominator: 25 } });
  });

  it.each([
    ['single YUYV', 'YUYV', 1],
    ['single UYVY', 'UYVY', 1],
    ['single NV12', 'NV12', 1],
    ['single NV21', 'NV21', 1],
    ['single YU12', 'YU12', 1],
    ['single GREY', 'GREY', 1],
    ['single Y10', 'Y10', 1],
    ['single Y12', 'Y12', 1],
    ['single Y16', 'Y16', 1],
    ['single RGB24', 'RGB24', 1],
    ['single BGR24', 'BGR24', 1],
    ['single BGRx', 'BGRx', 1],
    ['multi NM12', 'NV12', 2],
    ['multi NM21', 'NV21', 2],
    ['multi YM12', 'YU12', 3],
  ])('reads a red picture as red: %s is %s in %i pieces of memory', (check, format, pieces) => {
    const { format: stream, frame } = found(check);
    expect(stream).toMatchObject({ pixelFormat: format, width: WIDTH, height: HEIGHT, field: 'none' });
    expect(frame).toMatchObject({ error: false, colour: { space: 'srgb' } });
    expect(frame.length).toBe((WIDTH * HEIGHT * (BITS[format] ?? 16)) / 8);
    expect(frame.bytesUsed).toHaveLength(pieces);
    const values = frame.planes.map((plane: { values: number[] }) => plane.values);
    for (const { share } of frame.planes) expect(share).toBeGreaterThan(0.95);
    const expected = RED[format];
    if (expected) {
      expect(values.map((plane: number[]) => plane.length)).toEqual(expected.map((plane) => plane.length));
      for (const [i, plane] of expected.entries()) {
        for (const [j, value] of plane.entries()) expect(Math.abs(values[i][j] - value)).toBeLessThanOrEqual(TOLERANCE);
      }
    } else if (format === 'BGRx') {
      expect(values[0].slice(0, 3)).toEqual([0, 0, 255]);
    } else {
      // Words of 16 bits, low byte first: the luma of GREY in their upper bits.
      const [low, high] = values[0];
      const word = low | (high << 8);
      expect(Math.abs((word >> (Number(format.slice(1)) - 8)) - LUMA)).toBeLessThanOrEqual(TOLERANCE);
    }
  });

  it('numbers frames and tells the time of each by the monotonic clock', () => {
    const { seen, fps, nowUs } = found('timestamps');
    expect(fps).toBeGreaterThan(0);
    for (const [i, frame] of seen.entries()) {
      expect(frame).toMatchObject({ clock: 'monotonic', field: 'none', error: false });
      if (i === 0) continue;
      expect(frame.sequence).toBeGreaterThan(seen[i - 1].sequence);
      expect(frame.timestampUs).toBeGreaterThan(seen[i - 1].timestampUs);
    }
    // The driver's times may lie in the future; a minute apart would be another clock.
    expect(Math.abs(nowUs - seen.at(-1).timestampUs)).toBeLessThan(60e6);
  });

  it('sets and reads controls of every type, and refuses what they do not take', () => {
    const { values, refused, controls } = found('controls');
    expect(values).toEqual({
      brightness: 100,
      contrast: 20,
      horizontal_flip: true,
      test_pattern: 5,
      integer_32_bits: -0x7fffffff,
      integer_64_bits: `${2n ** 40n}n`,
      menu: 3,
      integer_menu: 5,
      string: 'abcd',
      bitmask: 0x80002000,
    });
    expect(refused).toEqual({
      'brightness 256': expect.objectContaining({ code: 'V4L2_CONTROL_INVALID' }),
      'menu 2': expect.objectContaining({ code: 'V4L2_CONTROL_INVALID' }),
      'string a': expect.objectContaining({ code: 'V4L2_CONTROL_INVALID' }),
      'nothing 1': expect.objectContaining({ code: 'V4L2_CONTROL_UNKNOWN' }),
    });
    expect(controls).toContain('integer_64_bits integer64');
    expect(controls).toContain('button button');
  });

  it('finds a camera busy that captures already, which goes on', () => {
    const { second, after } = found('busy');
    expect(second).toMatchObject({ code: 'V4L2_BUSY', errno: 'EBUSY', device: '/dev/video0' });
    expect(after).toHaveLength(2);
  });

  it('lets a frame be read after its camera is closed and the memory of the driver unmapped', () => {
    const { planes, held } = found('frame of a closed camera');
    expect(planes).toEqual([{ values: [255, 0, 0], share: 1 }]);
    expect(held).toMatchObject(NOTHING);
  });

  it('counts frames that the driver loses: each number is delivered, dropped or lost', () => {
    const { first, last, stats } = found('lost frames');
    expect(stats.delivered).toBe(30);
    expect(stats.lost).toBeGreaterThan(5);
    // Frames before the first that was delivered count as well, and one may come after the last.
    expect(stats.delivered + stats.dropped + stats.lost).toBeGreaterThanOrEqual(last - first + 1);
  });

  it('passes on damaged frames as such', () => {
    const { errors, stats } = found('damaged frames');
    expect(errors).toContain(true);
    expect(errors).toContain(false);
    expect(stats.errors).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['stream error', 'V4L2_IO', 'EIO'],
    ['disconnect', 'V4L2_GONE', 'ENODEV'],
  ])('ends with %s as %s, and can be opened anew', (check, code, errno) => {
    const { error, after } = found(check);
    expect(error).toMatchObject({ name: 'V4l2Error', code, errno, device: '/dev/video0' });
    expect(after).toHaveLength(2);
  });

  it.each([
    ['inject_vidioc_reqbufs_error', 'VIDIOC_REQBUFS'],
    ['inject_vidioc_streamon_error', 'VIDIOC_STREAMON'],
    ['inject_vidioc_qbuf_error', 'VIDIOC_QBUF'],
  ])('leaves nothing behind with %s, and the next program does not find the camera busy', (check, call) => {
    const { error, held, after } = found(check);
    expect(error).toMatchObject({ name: 'V4l2Error', call });
    expect(held).toMatchObject(NOTHING);
    expect(after).toHaveLength(2);
  });

  it('leaves the camera free when the process is killed', () => {
    const { signal, after } = found('killed');
    expect(signal).toBe('SIGKILL');
    expect(after).toHaveLength(2);
  });

  it('holds nothing more after it was opened often', () => {
    const { before, after } = found('opened often');
    expect(after).toMatchObject({ ...NOTHING, files: before.files });
  });

  it.runIf(arch === 'x64')('reads JPEG pictures as they were fed into v4l2loopback', () => {
    const { seen, pictures, format } = found('mjpg');
    expect(format).toMatchObject({ pixelFormat: 'MJPG', width: 320, height: 240, planes: [] });
    expect(new Set(pictures).size).toBe(3);
    // The driver writes over a frame that is being copied, when the feeder laps the reader: a picture of two halves is its doing.
    const whole = seen.filter(({ digest }: { digest: string }) => pictures.includes(digest));
    expect(whole.length).toBeGreaterThanOrEqual(seen.length - 2);
    expect(new Set(whole.map(({ digest }: { digest: string }) => digest)).size).toBeGreaterThan(1);
  });

  it(`captures ${frames} frames with files, mappings and memory flat`, () => {
    const { total, samples, cameras, after } = found('many frames');
    expect(total).toBeGreaterThanOrEqual(frames);
    for (const { stats } of cameras) expect(stats.delivered).toBeGreaterThan(10);
    const [settled, middle, end] = samples;
    for (const sample of [middle, end]) {
      expect(sample).toMatchObject({ files: settled.files, devices: settled.devices, mappings: settled.mappings });
      expect(sample.residentMb - settled.residentMb).toBeLessThan(40);
    }
    expect(after).toMatchObject(NOTHING);
  });

  it('ends when a camera is unplugged, holds nothing of it, and does not find it again', () => {
    const { error, held, again } = found('unplugged');
    expect(error).toMatchObject({ name: 'V4l2Error', code: 'V4L2_GONE', device: '/dev/video2' });
    expect(held).toMatchObject(NOTHING);
    expect(again).toMatchObject({ code: 'V4L2_NOT_FOUND' });
  });
});
