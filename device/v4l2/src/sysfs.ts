import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What sysfs knows of a video device. */
export interface SysfsNode {
  /** `video0` */
  readonly name: string;
  readonly path: string;
  readonly title: string;
  /** Its number among the device files of one camera. */
  readonly index: number;
  /** Of the USB device above it. */
  readonly serial: string | undefined;
  readonly usb: string | undefined;
}

/** Files /dev/video*, by number, with what /sys/class/video4linux says of each. */
export function videoNodes(root: string): SysfsNode[] {
  return entries(`${root}/dev`)
    .flatMap((name) => {
      const number = /^video(\d+)$/.exec(name)?.[1];
      return number === undefined ? [] : [{ name, number: Number(number) }];
    })
    .sort((a, b) => a.number - b.number)
    .map(({ name }) => {
      const folder = `${root}/sys/class/video4linux/${name}`;
      const usb = usbFolder(`${folder}/device`);
      const [vendor, product] = [line(`${usb}/idVendor`), line(`${usb}/idProduct`)];
      return {
        name,
        path: `${root}/dev/${name}`,
        title: line(`${folder}/name`) ?? name,
        index: Number(line(`${folder}/index`) ?? 0),
        serial: usb && line(`${usb}/serial`),
        usb: vendor && product ? `${vendor}:${product}` : undefined,
      };
    });
}

/** Links in /dev/v4l/by-id and /dev/v4l/by-path that lead to a device. */
export function linksTo(root: string, name: string): string[] {
  return ['by-id', 'by-path'].flatMap((kind) => {
    const folder = `${root}/dev/v4l/${kind}`;
    return entries(folder)
      .map((link) => join(folder, link))
      .filter((link) => basename(real(link) ?? '') === name);
  });
}

/** The folder of the USB device that an interface belongs to; undefined if it is on another bus. */
function usbFolder(device: string): string | undefined {
  const interface_ = real(device);
  if (interface_ === undefined) return undefined;
  return [interface_, dirname(interface_)].find((folder) => line(`${folder}/idVendor`) !== undefined);
}

function entries(folder: string): string[] {
  return quietly(() => readdirSync(folder)) ?? [];
}

function real(path: string): string | undefined {
  return quietly(() => realpathSync(path));
}

function line(file: string): string | undefined {
  return quietly(() => readFileSync(file, 'utf8').trim()) || undefined;
}

/** Devices come and go between two looks; what is not there is no error. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
