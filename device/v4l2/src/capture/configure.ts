import { isFourccOf, type PixelFormat, pixelFormatOf } from '../abi/formats.js';
import type { Device } from '../device.js';
import { V4l2Error } from '../errors.js';
import type { Format } from '../query/format.js';
import type { Fraction, FrameSize } from '../query/formats.js';
import { type StreamFormat, streamFormatOf } from './geometry.js';
import type { CameraOptions } from './options.js';

/**
 * Sets a device to what is wanted: format and size, rate, then controls, because drivers adjust controls to a format.
 * @throws V4l2Error V4L2_UNSUPPORTED_FORMAT, V4L2_UNSUPPORTED_SIZE, V4L2_CONTROL_*, V4L2_BUSY, ...
 */
export function configure(device: Device, options: CameraOptions): StreamFormat {
  const current = device.format();
  const fourcc = chooseFourcc(device, current, options.format);
  const { width, height } = { width: current.width, height: current.height, ...definedSize(options) };
  const format = device.setFormat({ fourcc, width, height });
  if (format.fourcc !== fourcc) throw unsupported(device, [fourcc]);
  if (options.width !== undefined && (format.width !== width || format.height !== height)) {
    throw new V4l2Error(
      'V4L2_UNSUPPORTED_SIZE',
      `${device.path} has no size ${width}x${height} in ${fourcc}: it offers ${sizesOf(device, fourcc)}.`,
      { device: device.path },
    );
  }
  const interval = options.fps === undefined ? device.interval() : device.setInterval(intervalOf(options.fps));
  for (const [name, value] of Object.entries(options.controls ?? {})) device.setControl(name, value);
  const fps = interval && interval.denominator / interval.numerator;
  // A control may change the format (rotation, cropping), and the driver has the last word.
  const stream = streamFormatOf(device.format(), fps);
  if (!stream) throw unsupported(device, [fourcc]);
  return stream;
}

const definedSize = ({ width, height }: CameraOptions) =>
  width === undefined || height === undefined ? {} : { width, height };

/** The four-character code of the best format that the device has. */
function chooseFourcc(device: Device, current: Format, wanted: CameraOptions['format']): string {
  if (wanted === undefined && pixelFormatOf(current.fourcc) !== undefined) return current.fourcc;
  const offered = device.formats();
  const names = wanted === undefined ? undefined : [wanted].flat();
  if (names === undefined) {
    const first = offered.find(({ pixelFormat }) => pixelFormat !== undefined);
    if (first) return first.fourcc;
  }
  for (const name of names ?? []) {
    const found = offered.filter(({ fourcc }) => isFourccOf(fourcc, name as PixelFormat));
    // What the camera makes itself costs no processor.
    const best = found.find(({ emulated }) => !emulated) ?? found[0];
    if (best) return best.fourcc;
  }
  throw unsupported(device, names ?? []);
}

function unsupported(device: Device, wanted: readonly string[]): V4l2Error {
  const offered = device.formats().map(({ fourcc, pixelFormat }) => pixelFormat ?? `${fourcc} (not readable here)`);
  const what = wanted.length > 0 ? `does not give ${wanted.join(' or ')}` : 'gives no format that can be read here';
  return new V4l2Error(
    'V4L2_UNSUPPORTED_FORMAT',
    `${device.path} ${what}: it offers ${[...new Set(offered)].join(', ') || 'nothing'}.`,
    { device: device.path },
  );
}

function sizesOf(device: Device, fourcc: string): string {
  const text = (size: FrameSize) =>
    size.kind === 'discrete'
      ? `${size.width}x${size.height}`
      : `${size.minWidth}x${size.minHeight} to ${size.maxWidth}x${size.maxHeight} in steps of ${size.stepWidth}x${size.stepHeight}`;
  return device.frameSizes(fourcc).map(text).join(', ') || 'sizes that it does not list';
}

/** Seconds between frames as a fraction: 29.97 frames a second are 1000/29970. */
function intervalOf(fps: number): Fraction {
  return Number.isInteger(fps)
    ? { numerator: 1, denominator: fps }
    : { numerator: 1000, denominator: Math.max(1, Math.round(fps * 1000)) };
}
