import { V4l2Error } from './errors.js';
import { Handle } from './handle.js';
import { type Libc, systemLibc } from './libc.js';
import { type Capabilities, capabilitiesOf } from './query/capabilities.js';
import { linksTo, type SysfsNode, videoNodes } from './sysfs.js';

/** A device that captures video. */
export interface DeviceInfo {
  /**
   * Names the camera rather than the number that it happened to get: from its serial number if it has one of its own, or else from where
   * it is plugged in. `openCamera` takes it.
   */
  readonly id: string;
  /** Path of its file, such as `/dev/video0`; another one after the next start, maybe. */
  readonly path: string;
  /** Name of the product. */
  readonly card: string;
  readonly driver: string;
  /** Where it is plugged in, such as `usb-0000:00:14.0-2`. */
  readonly busInfo: string;
  /** Serial number that a USB camera gives; cheap ones all give the same. */
  readonly serial: string | undefined;
  /** USB vendor and product, such as `046d:082d`. */
  readonly usb: string | undefined;
  /** Links that udev made to it: /dev/v4l/by-id/..., /dev/v4l/by-path/... */
  readonly links: readonly string[];
  /** Undefined if the device could not be asked: {@link problem} says why. */
  readonly capabilities: Capabilities | undefined;
  readonly problem: V4l2Error | undefined;
}

/**
 * All devices that capture video by streaming, and those that could not be asked. Metadata and output devices are left out.
 * @param root another root folder, for tests
 */
export function listDevices(libc: Libc = systemLibc(), root = ''): DeviceInfo[] {
  const found = videoNodes(root).flatMap((node) => {
    const info = describe(libc, root, node);
    return info ? [info] : [];
  });
  const times = (id: string) => found.filter(({ bySerial }) => bySerial === id).length;
  return found.map(({ bySerial, byPlace, ...info }) => ({
    ...info,
    id: bySerial !== undefined && times(bySerial) === 1 ? bySerial : byPlace,
  }));
}

/**
 * The path of a device that is given by path or id.
 * @throws V4l2Error V4L2_NOT_FOUND naming the ids that there are
 */
export function resolveDevice(libc: Libc, device: string, root = ''): string {
  if (device.startsWith('/')) return device;
  const devices = listDevices(libc, root);
  const found = devices.find(({ id }) => id === device);
  if (found) return found.path;
  const known = devices.map(({ id }) => id).join(', ') || 'none';
  throw new V4l2Error('V4L2_NOT_FOUND', `No camera has the id ${device}: there are ${known}.`, { device });
}

type Described = Omit<DeviceInfo, 'id'> & { readonly bySerial: string | undefined; readonly byPlace: string };

function describe(libc: Libc, root: string, node: SysfsNode): Described | undefined {
  const asked = ask(libc, node.path);
  const capabilities = asked instanceof V4l2Error ? undefined : asked;
  if (capabilities && !(capabilities.capture && capabilities.streaming)) return undefined;
  const busInfo = capabilities?.busInfo || node.name;
  const suffix = `video-index${node.index}`;
  const { serial, usb } = node;
  return {
    path: node.path,
    card: capabilities?.card || node.title,
    driver: capabilities?.driver ?? '',
    busInfo,
    serial,
    usb,
    links: linksTo(root, node.name),
    capabilities,
    problem: asked instanceof V4l2Error ? asked : undefined,
    bySerial: serial && usb ? `usb-${usb}-${serial}-${suffix}` : undefined,
    byPlace: `${busInfo}-${suffix}`,
  };
}

function ask(libc: Libc, path: string): Capabilities | V4l2Error {
  try {
    const handle = Handle.open(libc, path);
    try {
      return capabilitiesOf(handle);
    } finally {
      handle.close();
    }
  } catch (error) {
    if (error instanceof V4l2Error) return error;
    throw error;
  }
}
