import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CTRL_FLAG, CTRL_TYPE } from '../abi/constants.js';
import { openDevice } from '../device.js';
import { V4l2Error } from '../errors.js';
import { virtualClock } from '../testing/clock.js';
import { FakeDriver } from '../testing/fake-driver.js';
import { CONTROLS, type FakeControl, scenario } from '../testing/scenario.js';
import { type ControlValue, controlName } from './control.js';

function device(controls: readonly FakeControl[] = CONTROLS) {
  const driver = new FakeDriver(scenario({ device: { controls } }), virtualClock());
  return { driver, opened: openDevice('/dev/video0', driver) };
}

const refusal = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(V4l2Error);
    expect((error as V4l2Error).code).toBe('V4L2_CONTROL_INVALID');
    return (error as V4l2Error).message;
  }
  throw new Error('it was taken');
};

describe('controls', () => {
  it('are listed with types, ranges and menus, without headings and those that are disabled', () => {
    const controls = device().opened.controls();
    expect(controls.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'brightness integer',
      'white_balance_automatic boolean',
      'power_line_frequency menu',
      'exposure_time integer',
      'temperature integer',
      'focus_now button',
      'link_rate integer-menu',
      'pixel_clock integer64',
      'lines bitmask',
      'owner string',
    ]);
    expect(controls[0]).toEqual({
      id: 0x00980900,
      name: 'brightness',
      title: 'Brightness',
      type: 'integer',
      minimum: 0n,
      maximum: 255n,
      step: 1n,
      defaultValue: 128,
      menu: [],
      flags: new Set(['slider']),
    });
    expect(controls[2]?.menu).toEqual([
      { index: 0, label: 'Disabled' },
      { index: 1, label: '50 Hz' },
      { index: 3, label: 'Auto' },
    ]);
    expect(controls[4]?.flags).toEqual(new Set(['read-only', 'volatile']));
    expect(controls[6]?.menu).toEqual([
      { index: 0, label: 300_000n },
      { index: 1, label: 600_000n },
    ]);
  });

  it('are none where the driver has none', () => {
    expect(device([]).opened.controls()).toEqual([]);
  });

  it.each<[string, ControlValue, ControlValue]>([
    ['brightness', 12, 12],
    ['brightness', 13n, 13],
    ['white_balance_automatic', false, false],
    ['power_line_frequency', 'Auto', 3],
    ['power_line_frequency', 0, 0],
    ['exposure_time', -8, -8],
    ['link_rate', 1, 1],
    ['link_rate', 300_000n, 0],
    ['pixel_clock', 2n ** 35n, 2n ** 35n],
    ['lines', 0x85, 0x85],
    ['owner', 'Zoë', 'Zoë'],
    ['owner', '', ''],
  ])('%s set to %s reads as %s', (name, set, read) => {
    const { opened } = device();
    opened.setControl(name, set);
    expect(opened.getControl(name)).toBe(read);
  });

  it('presses a button, which has no value', () => {
    const { driver, opened } = device();
    opened.setControl('focus_now', true);
    expect(driver.camera('/dev/video0').controls.values.get(0x009a0903)).toBe(1n);
    expect(opened.getControl('focus_now')).toBeNull();
  });

  it.each<[string, ControlValue, RegExp]>([
    ['brightness', 256, /takes 0 to 255, not 256/],
    ['brightness', 1.5, /takes 0 to 255, not 1.5/],
    ['brightness', true, /takes 0 to 255, not true/],
    ['exposure_time', 1, /takes -8 to 4000 in steps of 4, not 1/],
    ['white_balance_automatic', 1, /takes true or false, not 1/],
    ['power_line_frequency', 2, /takes one of 0 \(Disabled\), 1 \(50 Hz\), 3 \(Auto\), not 2/],
    ['power_line_frequency', 'auto', /not "auto"/],
    ['temperature', 1, /read-only/],
    ['focus_now', false, /is a button: it takes true/],
    ['lines', 2, /takes bits of 0xa5, not 2/],
    ['lines', -1, /takes bits of 0xa5/],
    ['owner', 'too long for it', /takes a string of 0 to 8 bytes/],
    ['owner', 'a\0b', /takes a string/],
    ['owner', 5, /takes a string/],
  ])('%s refuses %s, saying what it takes', (name, value, message) => {
    const { driver, opened } = device();
    const before = new Map(driver.camera('/dev/video0').controls.values);
    expect(refusal(() => opened.setControl(name, value))).toMatch(message);
    expect(driver.camera('/dev/video0').controls.values).toEqual(before);
  });

  it('has a bit mask with all of its 32 bits, though the kernel gives the greatest as negative', () => {
    const mask = { ...(CONTROLS.find(({ title }) => title === 'Lines') as FakeControl), minimum: -(2 ** 31) };
    const { opened } = device([{ ...mask, maximum: -1 }]);
    expect(refusal(() => opened.setControl('lines', 2 ** 32))).toMatch(/bits of 0xffffffff/);
  });

  it('says that a control is held by the driver, or ruled by another one', () => {
    const grabbed = { ...(CONTROLS[1] as FakeControl), flags: CTRL_FLAG.GRABBED };
    expect(() => device([grabbed]).opened.setControl('brightness', 1)).toThrow(/EBUSY/);
    // Its range became another since it was listed.
    const ranged: FakeControl = { ...(CONTROLS[1] as FakeControl) };
    const { opened } = device([ranged]);
    const message = refusal(() => {
      const listed = opened.controls();
      Object.assign(ranged, { maximum: 10 });
      expect(listed[0]?.maximum).toBe(255n);
      opened.setControl('brightness', 11);
    });
    expect(message).toMatch(/takes 0 to 10/);
  });

  it('ends with a driver that goes round in circles', () => {
    const looping = { ...(CONTROLS[1] as FakeControl) };
    const { driver, opened } = device([looping]);
    const { ioctl } = driver.camera('/dev/video0').controls;
    driver.camera('/dev/video0').controls.ioctl = function (name, view) {
      if (name === 'VIDIOC_QUERY_EXT_CTRL') view.setUint32(0, CTRL_FLAG.NEXT_CTRL, true);
      return ioctl.call(this, name, view);
    };
    expect(opened.controls()).toHaveLength(1);
  });

  it('takes just the numbers that the range and the step allow', () => {
    const base = CONTROLS.find(({ title }) => title === 'Exposure Time') as FakeControl;
    fc.assert(
      fc.property(
        fc.integer({ min: -1000, max: 1000 }),
        fc.nat({ max: 2000 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: -3000, max: 3000 }),
        (minimum, span, step, value) => {
          const { opened } = device([{ ...base, type: CTRL_TYPE.INTEGER, minimum, maximum: minimum + span, step }]);
          const fits = value >= minimum && value <= minimum + span && (value - minimum) % step === 0;
          if (fits) {
            opened.setControl('exposure_time', value);
            expect(opened.getControl('exposure_time')).toBe(value);
          } else {
            refusal(() => opened.setControl('exposure_time', value));
          }
        },
      ),
    );
  });

  it('names them as v4l2-ctl does', () => {
    expect(controlName('White Balance, Automatic')).toBe('white_balance_automatic');
    expect(controlName('Gain (dB)')).toBe('gain_db');
  });
});
