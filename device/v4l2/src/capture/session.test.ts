import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAP } from '../abi/constants.js';
import { PIXEL_FORMATS, planesOf } from '../abi/formats.js';
import { ERRNO, V4l2Error } from '../errors.js';
import { virtualClock } from '../testing/clock.js';
import { FakeDriver } from '../testing/fake-driver.js';
import { MULTI_PLANAR, type Scenario, SINGLE_PLANAR, scenario } from '../testing/scenario.js';
import type { Frame } from './frame.js';
import type { CameraOptions } from './options.js';
import { CaptureSession, lostBetween } from './session.js';
import { FrameReader } from './shared-frames.js';

const SMALL = { device: '/dev/video0', width: 64, height: 48 } as const;
const NOTHING_LEFT = { files: 0, mappings: 0, buffers: 0, streaming: false };
const MULTI = { flags: CAP.VIDEO_CAPTURE_MPLANE | CAP.STREAMING, formats: MULTI_PLANAR };

/** Captures some frames with a fake driver whose clock only polling moves. */
function capture(what: Scenario, options: Partial<CameraOptions> = {}, frames = 3) {
  const clock = virtualClock();
  const driver = new FakeDriver(what, clock);
  const session = CaptureSession.open(driver, { ...SMALL, ...options });
  const reader = new FrameReader(session.frames, session.format);
  const taken: Frame[] = [];
  try {
    for (let step = 0; step < 20 * frames && taken.length < frames; step++) {
      session.step();
      const frame = reader.take();
      if (frame) taken.push({ ...frame, data: frame.data.slice() });
    }
  } finally {
    session.close();
  }
  return { driver, session, reader, taken };
}

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(V4l2Error);
    return (error as V4l2Error).code;
  }
  return undefined;
};

describe('a session', () => {
  it.each(PIXEL_FORMATS)('captures %s with every byte where it belongs, and leaves nothing behind', (format) => {
    const { driver, taken, session } = capture(scenario(), { format });
    expect(taken.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    for (const frame of taken) {
      expect(frame).toMatchObject({ format, width: 64, height: 48, error: false });
      expect(frame.data.every((byte) => byte === frame.sequence)).toBe(true);
      expect(frame.data.length).toBe(format === 'MJPG' ? 100 + frame.sequence : session.format.sizeBytes);
    }
    expect(driver.left).toEqual(NOTHING_LEFT);
  });

  it.each([
    ['NV12', 'NM12', 2],
    ['NV21', 'NM21', 2],
    ['YU12', 'YM12', 3],
    ['YUYV', 'YUYV', 1],
  ] as const)('captures %s from a driver that keeps planes apart (%s)', (format, fourcc, pieces) => {
    const { driver, taken } = capture(scenario({ device: MULTI }), { format });
    expect(taken).toHaveLength(3);
    for (const frame of taken) {
      expect(frame).toMatchObject({ format, fourcc, colour: { space: 'rec709', encoding: '709' } });
      expect(frame.bytesUsed).toHaveLength(pieces);
      expect(frame.data.length).toBe(format === 'YUYV' ? 64 * 48 * 2 : (64 * 48 * 3) / 2);
      expect(frame.data.every((byte) => byte === frame.sequence)).toBe(true);
    }
    expect(driver.left).toEqual(NOTHING_LEFT);
  });

  it('keeps the rows that a driver pads, and leaves out what it puts behind a plane', () => {
    const padded = MULTI_PLANAR.map((format) => ({ ...format, padding: 32, slack: 16 }));
    const { taken, session } = capture(scenario({ device: { ...MULTI, formats: padded } }), { format: 'NV12' });
    expect(session.format.planes).toEqual(planesOf('NV12', 'NM12', 64, 48, [96, 96]));
    expect(taken[0]?.data.length).toBe(96 * 48 * 1.5);
    expect(taken[0]?.planes.map(({ stride, rows }) => [stride, rows])).toEqual([
      [96, 48],
      [96, 24],
    ]);
    expect(taken[0]?.bytesUsed).toEqual([96 * 64, 96 * 40]);
  });

  it('says what the driver says of each frame', () => {
    const { taken } = capture(scenario({ device: { damaged: [1], firstSequence: 0 } }));
    expect(taken.map(({ error }) => error)).toEqual([false, true, false]);
    expect(taken[0]).toMatchObject({
      clock: 'monotonic',
      timestampOf: 'start-of-exposure',
      field: 'none',
      colour: { space: 'srgb', encoding: '601', quantisation: 'lim-range', transfer: 'srgb' },
    });
    const times = taken.map(({ timestampUs }) => timestampUs);
    expect((times[2] as number) - (times[1] as number)).toBeCloseTo(1e6 / 30, -1);
  });

  it('counts frames that the driver lost, those that went stale, and damaged ones', () => {
    const { reader } = capture(scenario({ device: { lost: [2, 3, 6], damaged: [1, 5] } }), {}, 6);
    expect(reader.counts).toEqual({ captured: 6, stale: 0, lost: 3, errors: 2 });

    const driver = new FakeDriver(scenario({ rateHz: null, device: { damaged: [0, 3] } }), virtualClock());
    const session = CaptureSession.open(driver, SMALL);
    session.step();
    // All four buffers were full: the newest is handed over, three are stale.
    const frames = new FrameReader(session.frames, session.format);
    expect(frames.counts).toEqual({ captured: 4, stale: 3, lost: 0, errors: 2 });
    expect(frames.take()).toMatchObject({ sequence: 3, error: true });
    session.step();
    session.step();
    expect(frames.take()).toMatchObject({ sequence: 11 });
    expect(frames.counts).toEqual({ captured: 12, stale: 10, lost: 0, errors: 2 });
    session.close();
  });

  it('sees gaps over the end of the counter, and none where a driver does not count', () => {
    expect(lostBetween(undefined, 5)).toBe(0);
    expect(lostBetween(0xfffffffe, 2)).toBe(3);
    expect(lostBetween(7, 7)).toBe(0);
    expect(lostBetween(100, 0)).toBe(0);
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), fc.integer({ min: 1, max: 1000 }), (before, step) => {
        expect(lostBetween(before, (before + step) % 2 ** 32)).toBe(step - 1);
      }),
    );
  });

  it('marks a frame as damaged that is too short, and fills up with zeros, not with an older frame', () => {
    const driver = new FakeDriver(scenario({ rateHz: null, device: { firstSequence: 7 } }), virtualClock());
    const session = CaptureSession.open(driver, { ...SMALL, format: 'GREY' });
    const reader = new FrameReader(session.frames, session.format);
    for (let i = 0; i < 4; i++) {
      session.step();
      reader.take();
    }
    driver.camera('/dev/video0').shorten = 100;
    session.step();
    const frame = reader.take();
    session.close();
    expect(frame).toMatchObject({ error: true, bytesUsed: [64 * 48 - 100] });
    expect(frame?.data.length).toBe(64 * 48);
    expect(frame?.data.subarray(-100).every((byte) => byte === 0)).toBe(true);
    expect(frame?.data.subarray(0, -100).every((byte) => byte === frame.sequence)).toBe(true);
  });

  it('takes no more than the mapped memory, whatever the driver says', () => {
    const driver = new FakeDriver(scenario(), virtualClock());
    const session = CaptureSession.open(driver, { ...SMALL, format: 'GREY' });
    driver.camera('/dev/video0').shorten = -1_000_000;
    session.step();
    const frame = new FrameReader(session.frames, session.format).take();
    session.close();
    expect(frame).toMatchObject({ error: false, bytesUsed: [64 * 48 + 1_000_000] });
    expect(frame?.data.length).toBe(64 * 48);
  });
});

describe('setting up', () => {
  it('takes the size, rate and controls that are wanted, and says which rate the driver gives', () => {
    const { session, driver } = capture(scenario(), {
      format: ['RGB24', 'YUYV'],
      width: 640,
      height: 480,
      fps: 28,
      controls: { brightness: 7, power_line_frequency: 'Auto' },
    });
    expect(session.format).toMatchObject({ pixelFormat: 'RGB24', width: 640, height: 480, fps: 30 });
    const { values } = driver.camera('/dev/video0').controls;
    expect([values.get(0x00980900), values.get(0x00980918)]).toEqual([7n, 3n]);
  });

  it('has no rate where the driver has no say in it', () => {
    const { session } = capture(scenario({ device: { rates: [] } }), { fps: 30 });
    expect(session.format.fps).toBeUndefined();
  });

  it('takes the first format that it can read, when the device is set to none of those', () => {
    const formats = [...SINGLE_PLANAR].reverse();
    const { session } = capture(scenario({ device: { formats } }));
    expect(session.format.pixelFormat).toBe('MJPG');
  });

  it.each([
    ['V4L2_UNSUPPORTED_FORMAT', { device: MULTI }, { format: 'RGB24' }, /does not give RGB24: it offers NV12, NV21/],
    [
      'V4L2_UNSUPPORTED_FORMAT',
      { device: { formats: SINGLE_PLANAR.slice(-1) } },
      {},
      /no format that can be read here: it offers H264 \(not readable here\)/,
    ],
    ['V4L2_UNSUPPORTED_SIZE', {}, { width: 100, height: 100 }, /no size 100x100 in YUYV: it offers 64x48, 640x480/],
    ['V4L2_NOT_CAPTURE', { device: { flags: CAP.STREAMING } }, {}, /does not capture video/],
    ['V4L2_NOT_CAPTURE', { device: { flags: CAP.VIDEO_CAPTURE } }, {}, /does not stream/],
    ['V4L2_NOT_FOUND', {}, { device: '/dev/video9' }, /open on \/dev\/video9 failed with ENOENT/],
    ['V4L2_CONTROL_UNKNOWN', {}, { controls: { zoom: 1 } }, /no control "zoom": it has brightness/],
    ['V4L2_CONTROL_INVALID', {}, { controls: { brightness: 256 } }, /"brightness" takes 0 to 255, not 256/],
  ] as const)('refuses with %s, naming the remedy, and leaves nothing behind', (code, what, options, message) => {
    const driver = new FakeDriver(scenario(what), virtualClock());
    const open = () => CaptureSession.open(driver, { ...SMALL, ...options });
    expect(codeOf(open)).toBe(code);
    expect(open).toThrow(message);
    expect(driver.left).toEqual(NOTHING_LEFT);
  });

  it('finds the device busy that another one captures from, and free afterwards', () => {
    const driver = new FakeDriver(scenario(), virtualClock());
    const first = CaptureSession.open(driver, SMALL);
    expect(codeOf(() => CaptureSession.open(driver, SMALL))).toBe('V4L2_BUSY');
    first.close();
    CaptureSession.open(driver, SMALL).close();
    expect(driver.left).toEqual(NOTHING_LEFT);
  });
});

describe('a driver that fails', () => {
  it.each([
    ['VIDIOC_STREAMON', ERRNO.ENOSPC, 'V4L2_NO_BANDWIDTH'],
    ['VIDIOC_STREAMON', ERRNO.EIO, 'V4L2_IO'],
    ['VIDIOC_REQBUFS', ERRNO.ENOMEM, 'V4L2_NO_MEMORY'],
    ['VIDIOC_S_FMT', ERRNO.EBUSY, 'V4L2_BUSY'],
    ['VIDIOC_DQBUF', ERRNO.EIO, 'V4L2_IO'],
    ['VIDIOC_DQBUF', ERRNO.ENODEV, 'V4L2_GONE'],
    ['VIDIOC_QUERYCAP', ERRNO.ENOTTY, 'V4L2_NOT_CAPTURE'],
    ['open', ERRNO.EACCES, 'V4L2_DENIED'],
    ['mmap', ERRNO.ENOMEM, 'V4L2_NO_MEMORY'],
    ['poll', ERRNO.ENODEV, 'V4L2_GONE'],
  ] as const)('%s with %i reads as %s', (call, errno, code) => {
    const what = scenario({ faults: [{ call, nth: 1, errno }] });
    expect(codeOf(() => capture(what))).toBe(code);
  });

  it('names device, call, error number and remedy', () => {
    const what = scenario({ faults: [{ call: 'VIDIOC_STREAMON', nth: 1, errno: ERRNO.EBUSY }] });
    expect(() => capture(what)).toThrow(
      expect.objectContaining({
        code: 'V4L2_BUSY',
        device: '/dev/video0',
        call: 'VIDIOC_STREAMON',
        errno: 'EBUSY',
        message: expect.stringMatching(/VIDIOC_STREAMON on \/dev\/video0 failed with EBUSY: .*fuser -v \/dev\/video0/),
      }),
    );
  });

  it('is asked again when a signal came between', () => {
    const faults = [1, 2, 3, 9, 20, 21, 22].map((nth) => ({ nth, errno: ERRNO.EINTR }));
    const { taken, driver } = capture(scenario({ faults }));
    expect(taken).toHaveLength(3);
    expect(driver.left).toEqual(NOTHING_LEFT);
  });

  it('leaves nothing open, mapped or queued, whichever call fails, and the device can be opened anew', () => {
    const variants = [
      [{}, {}],
      [{ device: MULTI }, { format: 'NV12' }],
    ] as const;
    for (const [what, wanted] of variants) {
      const options = { fps: 30, controls: { owner: 'line 1', power_line_frequency: 1 }, ...wanted };
      const total = capture(scenario(what), options).driver.calls.length;
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: total }),
          fc.constantFrom(ERRNO.EIO, ERRNO.ENODEV, ERRNO.EBUSY, ERRNO.ENOMEM, ERRNO.EINVAL, ERRNO.EPERM),
          fc.boolean(),
          (nth, errno, lasting) => {
            const clock = virtualClock();
            const driver = new FakeDriver(scenario({ ...what, faults: [{ nth, errno, lasting }] }), clock);
            const session = attempt(() => CaptureSession.open(driver, { ...SMALL, ...options }));
            if (session) {
              attempt(() => {
                for (let step = 0; step < 5; step++) session.step();
              });
              session.close();
            }
            expect(driver.left).toEqual(NOTHING_LEFT);
            if (!lasting && driver.calls.length > nth) CaptureSession.open(driver, { ...SMALL, ...options }).close();
          },
        ),
        { numRuns: 200 },
      );
    }
  });

  it('is not asked for ever when it has an error and no frame', () => {
    const driver = new FakeDriver(scenario({ rateHz: 1 }), virtualClock());
    const session = CaptureSession.open(driver, SMALL);
    driver.camera('/dev/video0').streaming = false;
    expect(codeOf(() => session.step())).toBe('V4L2_FAILED');
    session.close();
    expect(driver.left).toEqual(NOTHING_LEFT);
  });
});

describe('an input for digital video', () => {
  const plugged = () => new FakeDriver(scenario({ device: { digital: true } }), virtualClock());
  const open = (driver: FakeDriver) => CaptureSession.open(driver, { device: '/dev/video0' });

  it('ends with V4L2_SOURCE_CHANGED when another source is plugged in, and is opened in its size', () => {
    const driver = plugged();
    const session = open(driver);
    expect(session.format).toMatchObject({ width: 640, height: 480 });
    session.step();
    driver.camera('/dev/video0').input.plug([1280, 720]);
    expect(codeOf(() => session.step())).toBe('V4L2_SOURCE_CHANGED');
    session.close();
    expect(driver.left).toEqual(NOTHING_LEFT);
    const again = open(driver);
    expect(again.format).toMatchObject({ width: 1280, height: 720 });
    again.step();
    again.close();
  });

  it('says that nothing is plugged in, and leaves nothing behind', () => {
    const driver = plugged();
    driver.camera('/dev/video0').input.plug(undefined);
    expect(codeOf(() => open(driver))).toBe('V4L2_NO_SIGNAL');
    expect(() => open(driver)).toThrow(
      /VIDIOC_QUERY_DV_TIMINGS on \/dev\/video0 failed with ENOLINK: .*plug the source in/,
    );
    expect(driver.left).toEqual(NOTHING_LEFT);
  });

  it('takes all events that wait before it looks for frames', () => {
    const driver = plugged();
    const session = open(driver);
    for (const size of [[1280, 720], undefined, [1920, 1080]] as const) driver.camera('/dev/video0').input.plug(size);
    expect(codeOf(() => session.step())).toBe('V4L2_SOURCE_CHANGED');
    session.close();
    const again = open(driver);
    expect(again.format).toMatchObject({ width: 1920, height: 1080 });
    again.close();
  });

  it('is not waited for where a driver does not tell', () => {
    const driver = new FakeDriver(scenario(), virtualClock());
    const session = open(driver);
    driver.camera('/dev/video0').input.plug([1280, 720]);
    for (let step = 0; step < 5; step++) session.step();
    session.close();
    expect(driver.calls).toContain('VIDIOC_SUBSCRIBE_EVENT');
    expect(driver.calls).not.toContain('VIDIOC_DQEVENT');
  });
});

/** Runs what may fail, but only in the way of this package. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(V4l2Error);
    return undefined;
  }
}
