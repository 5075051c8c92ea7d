import { describe, expect, it } from 'vitest';
import { openDevice } from '../device.js';
import { ERRNO } from '../errors.js';
import { virtualClock } from '../testing/clock.js';
import { FakeDriver } from '../testing/fake-driver.js';
import { scenario } from '../testing/scenario.js';
import { Buffers } from './buffers.js';

const NAMES = ['VIDIOC_STREAMOFF', 'munmap', 'munmap', 'VIDIOC_REQBUFS'];

describe('buffers', () => {
  it('are given back while the file stays open: the format can be set again, and the stream started again', () => {
    const driver = new FakeDriver(scenario(), virtualClock());
    const device = openDevice('/dev/video0', driver);
    const buffers = new Buffers(device);
    for (const width of [640, 1280]) {
      device.setFormat({ fourcc: 'YUYV', width, height: 480 });
      buffers.start(2);
      expect(buffers.count).toBe(2);
      expect(() => device.setFormat({ fourcc: 'YUYV', width, height: 480 })).toThrow(/EBUSY/);
      buffers.stop();
      expect(driver.calls.slice(-4)).toEqual(NAMES);
      expect(driver.left).toEqual({ files: 1, mappings: 0, buffers: 0, streaming: false });
    }
    buffers.stop();
    expect(driver.left).toMatchObject({ mappings: 0, buffers: 0 });
    device.close();
  });

  it('are unmapped and given back when the stream does not start', () => {
    const faults = [{ call: 'VIDIOC_STREAMON', nth: 1, errno: ERRNO.EIO }];
    const driver = new FakeDriver(scenario({ faults }), virtualClock());
    const device = openDevice('/dev/video0', driver);
    expect(() => new Buffers(device).start(2)).toThrow(/STREAMON/);
    expect(driver.calls.slice(-3)).toEqual(NAMES.slice(1));
    expect(device.setFormat({ fourcc: 'GREY', width: 64, height: 48 }).fourcc).toBe('GREY');
    device.close();
  });

  it('are all taken back, whichever step of it fails', () => {
    const driver = new FakeDriver(
      scenario({ faults: [{ call: 'VIDIOC_STREAMOFF', nth: 1, errno: ERRNO.EIO }] }),
      virtualClock(),
    );
    const device = openDevice('/dev/video0', driver);
    const buffers = new Buffers(device);
    buffers.start(2);
    buffers.stop();
    expect(driver.calls.slice(-4)).toEqual(NAMES);
    expect(driver.left).toMatchObject({ mappings: 0, buffers: 0 });
    device.close();
  });
});
