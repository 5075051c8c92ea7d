import { describe, expect, it } from 'vitest';
import { CAP } from '../abi/constants.js';
import { v4l2_frmivalenum, v4l2_frmsizeenum } from '../abi/structs.js';
import { openDevice } from '../device.js';
import { virtualClock } from '../testing/clock.js';
import { FakeDriver } from '../testing/fake-driver.js';
import { MULTI_PLANAR, scenario } from '../testing/scenario.js';

const open = (what = scenario()) => {
  const driver = new FakeDriver(what, virtualClock());
  return { driver, device: openDevice('/dev/video0', driver) };
};

describe('a device', () => {
  it('says what it is, by the capabilities of its own file', () => {
    expect(open(scenario({ device: { flags: CAP.VIDEO_CAPTURE_MPLANE | CAP.STREAMING } })).device.capabilities).toEqual(
      {
        driver: 'fake',
        card: 'Fake Camera',
        busInfo: 'usb-0000:00:14.0-2',
        version: '6.1.9',
        capture: 'multi-planar',
        streaming: true,
        flags: CAP.VIDEO_CAPTURE_MPLANE | CAP.STREAMING,
      },
    );
  });

  it('lists formats, sizes and intervals', () => {
    const { device } = open();
    const formats = device.formats();
    expect(formats).toHaveLength(14);
    expect(formats[0]).toEqual({
      fourcc: 'YUYV',
      pixelFormat: 'YUYV',
      description: 'Fake YUYV',
      compressed: false,
      emulated: false,
    });
    expect(formats.at(-1)).toMatchObject({ fourcc: 'H264', pixelFormat: undefined, compressed: true });
    expect(device.frameSizes('YUYV')).toContainEqual({ kind: 'discrete', width: 640, height: 480 });
    expect(device.frameSizes('RGBP')).toEqual([]);
    expect(device.frameIntervals('YUYV', 640, 480)[1]).toEqual({
      kind: 'discrete',
      interval: { numerator: 1, denominator: 25 },
    });
    expect(device.frameIntervals('YUYV', 641, 480)).toEqual([]);
  });

  it.each([
    ['stepwise', 3, 16],
    ['continuous', 2, 1],
  ])('gives %s sizes once, though the driver gives them for every index', (_, type, step) => {
    const { driver, device } = open();
    const camera = driver.camera('/dev/video0');
    const { ioctl } = camera;
    camera.ioctl = function (fd, name, view, mapped) {
      if (name !== 'VIDIOC_ENUM_FRAMESIZES') return ioctl.call(this, fd, name, view, mapped);
      const { fields } = v4l2_frmsizeenum;
      fields.type.set(view, type);
      for (const [member, value] of [
        ['min_width', 16],
        ['max_width', 1920],
        ['step_width', 16],
        ['min_height', 32],
        ['max_height', 1080],
        ['step_height', 16],
      ] as const)
        fields[`stepwise.${member}`].set(view, value);
      return 0;
    };
    expect(device.frameSizes('YUYV')).toEqual([
      {
        kind: 'stepwise',
        minWidth: 16,
        maxWidth: 1920,
        stepWidth: step,
        minHeight: 32,
        maxHeight: 1080,
        stepHeight: step,
      },
    ]);
  });

  it('gives a range of intervals', () => {
    const { driver, device } = open();
    const camera = driver.camera('/dev/video0');
    camera.ioctl = (_fd, _name, view) => {
      const { fields } = v4l2_frmivalenum;
      if (fields.index.get(view) > 0) return 22;
      fields.type.set(view, 3);
      for (const [i, member] of (['min', 'max', 'step'] as const).entries()) {
        fields[`stepwise.${member}.numerator`].set(view, i + 1);
        fields[`stepwise.${member}.denominator`].set(view, 60);
      }
      return 0;
    };
    expect(device.frameIntervals('YUYV', 640, 480)).toEqual([
      {
        kind: 'stepwise',
        min: { numerator: 1, denominator: 60 },
        max: { numerator: 2, denominator: 60 },
        step: { numerator: 3, denominator: 60 },
      },
    ]);
  });

  it('sets format and interval to the nearest that the driver has', () => {
    const { device } = open();
    expect(device.setFormat({ fourcc: 'NV12', width: 650, height: 400 })).toEqual({
      fourcc: 'NV12',
      width: 640,
      height: 480,
      field: 'none',
      colour: { space: 'srgb', encoding: '601', quantisation: 'lim-range', transfer: 'srgb' },
      memory: [{ stride: 640, sizeBytes: 640 * 480 * 1.5 }],
    });
    expect(device.format().width).toBe(640);
    expect(device.setInterval({ numerator: 1, denominator: 28 })).toEqual({ numerator: 1, denominator: 30 });
    expect(device.interval()).toEqual({ numerator: 1, denominator: 30 });
  });

  it('reads the memory of every plane', () => {
    const multi = { flags: CAP.VIDEO_CAPTURE_MPLANE | CAP.STREAMING, formats: MULTI_PLANAR };
    const { device } = open(scenario({ device: multi }));
    expect(device.setFormat({ fourcc: 'YM12', width: 64, height: 48 }).memory).toEqual([
      { stride: 64, sizeBytes: 64 * 48 },
      { stride: 32, sizeBytes: 32 * 24 },
      { stride: 32, sizeBytes: 32 * 24 },
    ]);
  });

  it('cannot be used once it is closed, and may be closed twice', () => {
    const { driver, device } = open();
    device.close();
    device.close();
    expect(() => device.formats()).toThrow(expect.objectContaining({ code: 'V4L2_STATE' }));
    expect(driver.calls.filter((call) => call === 'close')).toHaveLength(1);
  });
});
