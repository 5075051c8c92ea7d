import { type Control, type Device, type DeviceInfo, type FrameInterval, type FrameSize, openDevice } from 'node-v4l2';
import { driverMessage } from '../driver-message.js';

/** Cameras as lines for people: id, path, product. */
export function listText(devices: readonly DeviceInfo[]): string {
  if (devices.length === 0) {
    return 'No camera of Video4Linux2 is here. CSI sensors of a Jetson are reached by source type csi, network cameras by rtsp.';
  }
  return devices
    .map(
      ({ id, path, card, driver, problem }) =>
        `${id}\n  ${path}  ${card} (${driver})${problem ? `\n  ${driverMessage(problem)}` : ''}`,
    )
    .join('\n');
}

/** What a device can do, as JSON. */
export function abilitiesOf(device: Device) {
  const formats = device.formats().map((format) => ({
    ...format,
    sizes: device
      .frameSizes(format.fourcc)
      .map((size) => ({ size, intervals: intervalsOf(device, format.fourcc, size) })),
  }));
  const controls = device.controls().map((control) => ({ ...control, value: readable(device, control) }));
  return { path: device.path, capabilities: device.capabilities, current: device.format(), formats, controls };
}

function intervalsOf(device: Device, fourcc: string, size: FrameSize): FrameInterval[] {
  const [width, height] = size.kind === 'discrete' ? [size.width, size.height] : [size.maxWidth, size.maxHeight];
  return device.frameIntervals(fourcc, width, height);
}

/** Undefined where it cannot be read now. */
function readable(device: Device, control: Control) {
  if (control.type === 'button' || control.flags.has('write-only')) return undefined;
  try {
    return device.getControl(control.name);
  } catch {
    return undefined;
  }
}

/** What a device can do, for people. */
export function abilitiesText({
  path,
  capabilities,
  current,
  formats,
  controls,
}: ReturnType<typeof abilitiesOf>): string {
  const lines = [
    `${path}: ${capabilities.card} at ${capabilities.busInfo}, driver ${capabilities.driver}`,
    `set to ${current.width}x${current.height} ${current.fourcc}`,
    'formats (source.format):',
    ...formats.flatMap(({ pixelFormat, fourcc, description, sizes }) => [
      `  ${pixelFormat ?? `${fourcc} (cannot be read)`}: ${description}`,
      ...sizes.map(({ size, intervals }) => `    ${sizeText(size)}  ${intervals.map(rateText).join(', ')}`.trimEnd()),
    ]),
    'controls (source.controls):',
    ...controls.map(({ value, ...control }) => `  ${controlText(control, value)}`),
  ];
  return lines.join('\n');
}

function sizeText(size: FrameSize): string {
  if (size.kind === 'discrete') return `${size.width}x${size.height}`;
  const { minWidth, minHeight, maxWidth, maxHeight, stepWidth, stepHeight } = size;
  return `${minWidth}x${minHeight} to ${maxWidth}x${maxHeight} in steps of ${stepWidth}x${stepHeight}`;
}

function rateText(interval: FrameInterval): string {
  const hz = ({ numerator, denominator }: { numerator: number; denominator: number }) =>
    `${Math.round((denominator / Math.max(1, numerator)) * 100) / 100} Hz`;
  return interval.kind === 'discrete' ? hz(interval.interval) : `${hz(interval.max)} to ${hz(interval.min)}`;
}

function controlText(
  { name, type, minimum, maximum, step, defaultValue, menu, flags }: Control,
  value: unknown,
): string {
  const choices = menu.map(({ index, label }) => `${index}: ${label}`).join(', ');
  const range =
    menu.length > 0 ? choices : type === 'boolean' || type === 'button' ? type : `${minimum} to ${maximum} by ${step}`;
  const now = value === undefined ? '' : ` = ${value}`;
  const kept = flags.has('read-only') ? ', read only' : flags.has('inactive') ? ', inactive' : '';
  const usual = type === 'button' ? '' : `, usually ${defaultValue}`;
  return `${name}${now} (${range}${usual}${kept})`;
}

/**
 * Opens a device by path or id to ask it.
 * @throws V4l2Error
 */
export function askDevice<T>(wanted: string, ask: (device: Device) => T): T {
  const device = openDevice(wanted);
  try {
    return ask(device);
  } finally {
    device.close();
  }
}
