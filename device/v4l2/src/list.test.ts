import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CAP } from './abi/constants.js';
import { ERRNO } from './errors.js';
import { listDevices, resolveDevice } from './list.js';
import { virtualClock } from './testing/clock.js';
import { FakeDriver } from './testing/fake-driver.js';
import { type FakeDevice, fakeDevice, type Scenario } from './testing/scenario.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'node-v4l2-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text = ''): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

/** A device file with its folder in sysfs, as the kernel makes them. */
function node(name: string, index: number, usb?: { readonly port: string; readonly serial?: string }): void {
  write(`dev/${name}`);
  const folder = `sys/class/video4linux/${name}`;
  write(`${folder}/name`, `Title of ${name}\n`);
  write(`${folder}/index`, `${index}\n`);
  if (!usb) return;
  const above = `sys/devices/usb1/${usb.port}`;
  write(`${above}/idVendor`, '046d\n');
  write(`${above}/idProduct`, '082d\n');
  if (usb.serial !== undefined) write(`${above}/serial`, `${usb.serial}\n`);
  mkdirSync(join(root, above, `${usb.port}:1.0`), { recursive: true });
  symlinkSync(join(root, above, `${usb.port}:1.0`), join(root, folder, 'device'));
}

function list(devices: Readonly<Record<string, Partial<FakeDevice>>>, faults: Scenario['faults'] = []) {
  const all = Object.entries(devices).map(([name, device]) => [join(root, 'dev', name), fakeDevice(device)]);
  const driver = new FakeDriver(
    { devices: Object.fromEntries(all), rateHz: null, faults, render: true },
    virtualClock(),
  );
  return { driver, devices: listDevices(driver, root) };
}

describe('listDevices', () => {
  it('gives nothing on a machine without cameras', () => {
    expect(list({}).devices).toEqual([]);
  });

  it('gives cameras by number with name, place, serial number and links', () => {
    node('video10', 0);
    node('video2', 0, { port: '1-2', serial: 'A1B2' });
    mkdirSync(join(root, 'dev/v4l/by-id'), { recursive: true });
    symlinkSync('../../video2', join(root, 'dev/v4l/by-id/usb-046d_C920_A1B2-video-index0'));
    const { driver, devices } = list({ video2: {}, video10: { card: 'CSI', busInfo: 'platform:csi' } });
    expect(devices.map(({ path }) => path.slice(root.length))).toEqual(['/dev/video2', '/dev/video10']);
    expect(devices[0]).toMatchObject({
      id: 'usb-046d:082d-A1B2-video-index0',
      card: 'Fake Camera',
      driver: 'fake',
      busInfo: 'usb-0000:00:14.0-2',
      serial: 'A1B2',
      usb: '046d:082d',
      links: [`${root}/dev/v4l/by-id/usb-046d_C920_A1B2-video-index0`],
      problem: undefined,
    });
    expect(devices[1]).toMatchObject({ id: 'platform:csi-video-index0', serial: undefined, links: [] });
    expect(driver.left.files).toBe(0);
  });

  it('leaves out what does not capture: metadata, output', () => {
    node('video0', 0);
    node('video1', 1);
    node('video2', 2);
    const { devices } = list({ video0: {}, video1: { flags: 0x00800000 | CAP.STREAMING }, video2: { flags: 2 } });
    expect(devices.map(({ id }) => id)).toEqual(['usb-0000:00:14.0-2-video-index0']);
  });

  it('tells cameras with the same serial number apart by their places', () => {
    node('video0', 0, { port: '1-1', serial: '200901010001' });
    node('video2', 0, { port: '1-2', serial: '200901010001' });
    const { devices } = list({ video0: { busInfo: 'usb-1-1' }, video2: { busInfo: 'usb-1-2' } });
    expect(devices.map(({ id }) => id)).toEqual(['usb-1-1-video-index0', 'usb-1-2-video-index0']);
  });

  it('keeps the id of a camera that comes back with another number', () => {
    node('video0', 0, { port: '1-1', serial: 'X' });
    const before = list({ video0: {} }).devices[0]?.id;
    rmSync(join(root, 'dev/video0'));
    node('video5', 0, { port: '1-3', serial: 'X' });
    expect(list({ video5: { busInfo: 'usb-elsewhere' } }).devices[0]?.id).toBe(before);
  });

  it('lists a camera that it may not open, with the reason', () => {
    node('video0', 0);
    const { devices } = list({ video0: {} }, [{ call: 'open', nth: 1, errno: ERRNO.EACCES }]);
    expect(devices[0]).toMatchObject({ card: 'Title of video0', capabilities: undefined });
    expect(devices[0]?.problem).toMatchObject({ code: 'V4L2_DENIED', message: expect.stringContaining('group') });
  });
});

describe('resolveDevice', () => {
  it('takes paths as they are, and finds ids', () => {
    node('video3', 1, { port: '1-1', serial: 'X' });
    const { driver } = list({ video3: {} });
    expect(resolveDevice(driver, '/dev/v4l/by-id/any', root)).toBe('/dev/v4l/by-id/any');
    expect(resolveDevice(driver, 'usb-046d:082d-X-video-index1', root)).toBe(`${root}/dev/video3`);
    expect(() => resolveDevice(driver, 'nobody', root)).toThrow(
      /no camera has the id nobody: there are usb-046d:082d-X/i,
    );
  });
});
