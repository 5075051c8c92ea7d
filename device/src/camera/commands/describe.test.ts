import { openDevice } from 'node-v4l2';
import { FakeDriver, scenario } from 'node-v4l2/testing';
import { describe, expect, it } from 'vitest';
import { abilitiesOf, abilitiesText, listText } from './describe.js';

describe('camera show', () => {
  it('tells formats, sizes, rates and controls with their values', () => {
    const device = openDevice('/dev/video0', new FakeDriver(scenario({})));
    const text = abilitiesText(abilitiesOf(device));
    device.close();
    expect(text).toMatch(/^\/dev\/video0: Fake Camera at usb-0000:00:14\.0-2, driver /);
    expect(text).toMatch(/^ {2}YUYV: /m);
    expect(text).toMatch(/^ {4}1920x1080 {2}.*60 Hz/m);
    expect(text).toMatch(/^ {2}H264 \(cannot be read\)/m);
    expect(text).toMatch(/^ {2}brightness = 128 \(0 to 255 by 1, usually 128\)$/m);
    expect(text).toMatch(/^ {2}power_line_frequency = 1 \(0: Disabled, 1: 50 Hz, 3: Auto, usually 1\)$/m);
    expect(text).toMatch(/^ {2}temperature .*read only\)$/m);
    expect(text).toMatch(/^ {2}focus_now \(button\)$/m);
  });
});

describe('camera list', () => {
  it('says where to look when there is none', () => {
    expect(listText([])).toMatch(/No camera of Video4Linux2 is here.*csi.*rtsp/);
  });
});
