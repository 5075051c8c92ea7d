import { CAP, CTRL_FLAG, CTRL_TYPE } from '../abi/constants.js';

/** What a {@link FakeDriver} is like: plain data, so that it travels to a thread. */
export interface Scenario {
  readonly devices: Readonly<Record<string, FakeDevice>>;
  /** Frames a second by the clock; null for a frame whenever a buffer is free. */
  readonly rateHz: number | null;
  readonly faults: readonly Fault[];
  /** Whether frames are written; a measurement of the capture does not want to measure that as well. */
  readonly render: boolean;
}

/** A device of a scenario. */
export interface FakeDevice {
  readonly card: string;
  readonly busInfo: string;
  /** V4L2_CAP_* of the device file. */
  readonly flags: number;
  readonly formats: readonly FakeFormat[];
  /** Frames a second that it has; the nearest is taken. */
  readonly rates: readonly number[];
  readonly controls: readonly FakeControl[];
  /** Numbers of frames that are lost before the driver gives them. */
  readonly lost: readonly number[];
  /** Numbers of frames that are marked as damaged. */
  readonly damaged: readonly number[];
  /** Number of the first frame. */
  readonly firstSequence: number;
  /** Whether it is an input for digital video that tells of changes, and not a camera. */
  readonly digital: boolean;
}

export interface FakeFormat {
  readonly fourcc: string;
  readonly sizes: readonly (readonly [width: number, height: number])[];
  /**
   * Pieces of memory that a frame takes: bytes a pixel column takes in a row, and rows to each of the picture (1.5 for a picture with
   * its chroma behind it). Bytes of 0 stand for compressed data.
   */
  readonly memory: readonly { readonly bytes: number; readonly rows: number }[];
  /** Bytes behind each row, and rows behind each piece of memory, that hold nothing. */
  readonly padding?: number;
  readonly slack?: number;
}

/** A control that holds one value. */
export interface FakeControl {
  readonly id: number;
  readonly title: string;
  /** enum v4l2_ctrl_type */
  readonly type: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly step: number;
  readonly defaultValue: number;
  /** V4L2_CTRL_FLAG_* */
  readonly flags: number;
  /** Labels of a menu, or numbers of an integer menu; null where a choice is left out. */
  readonly menu: readonly (string | number | null)[];
}

/** One system call that fails. */
export interface Fault {
  /** `open`, `mmap`, `poll`, `VIDIOC_STREAMON`, ...; undefined for any. */
  readonly call?: string;
  /** Which of those calls, from 1. */
  readonly nth: number;
  readonly errno: number;
  /** Whether all later ones fail as well, as they do when a device is unplugged. */
  readonly lasting?: boolean;
}

const SIZES = [
  [64, 48],
  [640, 480],
  [1280, 720],
  [1920, 1080],
] as const;

const format = (fourcc: string, ...memory: (readonly [bytes: number, rows: number])[]): FakeFormat => ({
  fourcc,
  sizes: SIZES,
  memory: memory.map(([bytes, rows]) => ({ bytes, rows })),
});

/** Every format that the package reads, with its planes in one piece of memory. */
export const SINGLE_PLANAR: readonly FakeFormat[] = [
  format('YUYV', [2, 1]),
  format('UYVY', [2, 1]),
  format('NV12', [1, 1.5]),
  format('NV21', [1, 1.5]),
  format('YU12', [1, 1.5]),
  format('GREY', [1, 1]),
  format('Y10 ', [2, 1]),
  format('Y12 ', [2, 1]),
  format('Y16 ', [2, 1]),
  format('RGB3', [3, 1]),
  format('BGR3', [3, 1]),
  format('XR24', [4, 1]),
  format('MJPG', [0, 1]),
  format('H264', [0, 1]),
];

/** Formats with a piece of memory for each plane. */
export const MULTI_PLANAR: readonly FakeFormat[] = [
  format('NM12', [1, 1], [1, 0.5]),
  format('NM21', [1, 1], [1, 0.5]),
  format('YM12', [1, 1], [0.5, 0.5], [0.5, 0.5]),
  format('YUYV', [2, 1]),
];

const control = (id: number, title: string, type: number, change: Partial<FakeControl> = {}): FakeControl => ({
  id,
  title,
  type,
  minimum: 0,
  maximum: 255,
  step: 1,
  defaultValue: 128,
  flags: 0,
  menu: [],
  ...change,
});

/** A control of every type. */
export const CONTROLS: readonly FakeControl[] = [
  control(0x00980001, 'User Controls', CTRL_TYPE.CTRL_CLASS, { flags: CTRL_FLAG.READ_ONLY }),
  control(0x00980900, 'Brightness', CTRL_TYPE.INTEGER, { flags: CTRL_FLAG.SLIDER }),
  control(0x0098090c, 'White Balance, Automatic', CTRL_TYPE.BOOLEAN, { maximum: 1, defaultValue: 1 }),
  control(0x00980910, 'Hidden', CTRL_TYPE.INTEGER, { flags: CTRL_FLAG.DISABLED }),
  control(0x00980918, 'Power Line Frequency', CTRL_TYPE.MENU, {
    maximum: 3,
    defaultValue: 1,
    menu: ['Disabled', '50 Hz', null, 'Auto'],
  }),
  control(0x009a0901, 'Exposure Time', CTRL_TYPE.INTEGER, { minimum: -8, maximum: 4000, step: 4, defaultValue: 100 }),
  control(0x009a0902, 'Temperature', CTRL_TYPE.INTEGER, { flags: CTRL_FLAG.READ_ONLY | CTRL_FLAG.VOLATILE }),
  control(0x009a0903, 'Focus Now', CTRL_TYPE.BUTTON, { maximum: 0, defaultValue: 0, flags: CTRL_FLAG.WRITE_ONLY }),
  control(0x009a0904, 'Link Rate', CTRL_TYPE.INTEGER_MENU, { maximum: 1, defaultValue: 0, menu: [300_000, 600_000] }),
  control(0x009a0905, 'Pixel Clock', CTRL_TYPE.INTEGER64, { maximum: 2 ** 40, defaultValue: 2 ** 33 }),
  control(0x009a0906, 'Lines', CTRL_TYPE.BITMASK, { maximum: 0xa5, defaultValue: 1 }),
  control(0x009a0907, 'Owner', CTRL_TYPE.STRING, { maximum: 8, defaultValue: 0 }),
];

/** A device that captures into one piece of memory a frame. */
export function fakeDevice(change: Partial<FakeDevice> = {}): FakeDevice {
  return {
    card: 'Fake Camera',
    busInfo: 'usb-0000:00:14.0-2',
    flags: CAP.VIDEO_CAPTURE | CAP.STREAMING,
    formats: SINGLE_PLANAR,
    rates: [5, 25, 30, 60],
    controls: CONTROLS,
    lost: [],
    damaged: [],
    firstSequence: 0,
    digital: false,
    ...change,
  };
}

/** One device at /dev/video0 whose frames come at 30 Hz. */
export function scenario(change: Partial<Scenario> & { readonly device?: Partial<FakeDevice> } = {}): Scenario {
  const { device, ...rest } = change;
  return { devices: { '/dev/video0': fakeDevice(device) }, rateHz: 30, faults: [], render: true, ...rest };
}
