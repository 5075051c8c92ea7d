import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { listDevices, V4l2Error } from 'node-v4l2';
import sharp from 'sharp';
import { abilitiesOf, abilitiesText, askDevice, listText } from '../camera/commands/describe.js';
import { driverMessage } from '../camera/driver-message.js';
import { openCamera } from '../camera/open.js';
import { RgbConverter, type RgbPicture } from '../camera/rgb.js';
import { storeControls, v4l2Knobs } from '../camera/watch/knobs.js';
import { watchCamera } from '../camera/watch/server.js';
import { readDeviceConfig } from '../config/read.js';
import { loadRuntime } from '../score/ort/library.js';
import { chosenCamera } from './chosen-camera.js';
import { abortOnSignal, wholeBetween } from './flags.js';

/**
 * beltsight-device camera: what is there, what it can do, what it sees.
 * @param watchPage script of the page of `watch`, which the build puts beside the command
 */
export function cameraCommand(watchPage: URL): Command {
  return new Command('camera')
    .description('Look at cameras: what is there, what it can do, what it sees')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(snapshotCommand())
    .addCommand(watchCommand(watchPage));
}

function listCommand(): Command {
  return new Command('list')
    .description('Cameras of Video4Linux2 that are here, with the ids that outlive replugging')
    .option('--json', 'print as JSON')
    .action(({ json = false }: { json?: boolean }) => {
      const devices = named(() => listDevices());
      process.stdout.write(`${json ? jsonOf(devices) : listText(devices)}\n`);
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('Formats, sizes, rates and controls of a camera')
    .argument('<device>', 'path or id, as camera list gives them')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  beltsight-device camera show /dev/video0')
    .action((device: string, { json = false }: { json?: boolean }) => {
      const abilities = named(() => askDevice(device, abilitiesOf));
      process.stdout.write(`${json ? jsonOf(abilities) : abilitiesText(abilities)}\n`);
    });
}

interface SnapshotFlags {
  readonly config: string;
  readonly camera?: string;
  readonly out: string;
  readonly skip: number;
}

function snapshotCommand(): Command {
  return new Command('snapshot')
    .description('Save what the model sees of a camera: the region of interest, turned as configured')
    .requiredOption('--config <file>', 'YAML configuration of the device')
    .requiredOption('--out <file>', 'picture to write: .png, .jpg, .webp or .tif')
    .option('--camera <name>', 'which camera, where the configuration has several')
    .option('--skip <n>', 'frames to let pass first, until exposure has settled', wholeBetween('--skip', 0, 10_000), 10)
    .addHelpText('after', '\nExample:\n  beltsight-device camera snapshot --config device.yaml --out belt.png')
    .action(async ({ config: file, camera, out, skip }: SnapshotFlags) => {
      const config = await readDeviceConfig(file);
      const chosen = chosenCamera(config, camera);
      const converter = new RgbConverter(loadRuntime(config.runtime.library));
      const stop = new AbortController();
      let left = skip;
      let picture: RgbPicture | undefined;
      try {
        for await (const item of openCamera(chosen).frames(stop.signal)) {
          if ('fault' in item) {
            process.stderr.write(`${item.fault}\n`);
            continue;
          }
          picture = await converter.convert(item);
          if (left-- <= 0) break;
        }
      } finally {
        stop.abort();
        await converter.close();
      }
      if (!picture) throw new BeltsightError('CAMERA_FAILED', `Camera "${chosen.name}" gives no frame.`);
      await write(picture, resolve(out));
      process.stderr.write(`${picture.width}x${picture.height} pixels of camera ${chosen.name} in ${resolve(out)}.\n`);
    });
}

interface WatchFlags {
  readonly config: string;
  readonly camera?: string;
  readonly host: string;
  readonly port: number;
}

function watchCommand(script: URL): Command {
  return new Command('watch')
    .description(
      'Show what the model sees of a camera on a page, live, with aids for focus and exposure, and its controls',
    )
    .requiredOption('--config <file>', 'YAML configuration of the device; controls can be stored in it')
    .option('--camera <name>', 'which camera, where the configuration has several')
    .option(
      '--host <address>',
      'address to serve the page on; anybody who reaches it can turn the controls',
      '127.0.0.1',
    )
    .option('--port <n>', 'port of the page; 0: any free one', wholeBetween('--port', 0, 65_535), 8081)
    .addHelpText('after', '\nExample:\n  beltsight-device camera watch --config device.yaml')
    .action(async ({ config: file, camera, host, port: wanted }: WatchFlags) => {
      const config = await readDeviceConfig(file);
      const chosen = chosenCamera(config, camera);
      const converter = new RgbConverter(loadRuntime(config.runtime.library));
      const stopping = abortOnSignal();
      const { source } = chosen;
      try {
        const options = {
          camera: openCamera(chosen),
          converter,
          knobs: source.type === 'v4l2' ? v4l2Knobs(source.device) : undefined,
          store: (controls: Readonly<Record<string, number | boolean>>) => storeControls(file, chosen.name, controls),
          script,
          host,
          port: wanted,
        };
        const { port, ended } = await watchCamera(options, stopping);
        process.stderr.write(`Open http://${host}:${port}. Ctrl-C ends.\n`);
        await ended;
      } finally {
        await converter.close();
      }
    });
}

async function write({ width, height, data }: RgbPicture, file: string): Promise<void> {
  try {
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(file);
  } catch (cause) {
    throw new BeltsightError('IO_FAILED', `${file} cannot be written: ${(cause as Error).message}.`, { cause });
  }
}

/** Errors of the driver by our name; their messages name device and remedy. */
function named<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof V4l2Error) throw new BeltsightError('CAMERA_FAILED', driverMessage(cause), { cause });
    throw cause;
  }
}

const jsonOf = (value: unknown) =>
  JSON.stringify(
    value,
    (_, part) => (part instanceof Set ? [...part] : typeof part === 'bigint' ? Number(part) : part),
    2,
  );
