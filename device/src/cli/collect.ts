import { resolve } from 'node:path';
import { BeltsightError, isClassName } from '@beltsight/sdk';
import { Command } from 'commander';
import { openCamera } from '../camera/open.js';
import { RgbConverter } from '../camera/rgb.js';
import { collect } from '../collect/collect.js';
import { ImageStore } from '../collect/store.js';
import { readDeviceConfig } from '../config/read.js';
import { loadRuntime } from '../score/ort/library.js';
import { chosenCamera } from './chosen-camera.js';
import { abortOnSignal, between } from './flags.js';

interface Flags {
  readonly config: string;
  readonly class: string;
  readonly count: number;
  readonly out: string;
  readonly camera?: string;
  readonly quota: number;
  readonly difference: number;
  readonly sharpness: number;
}

/** beltsight-device collect: pictures of good products, for training. */
export function collectCommand(): Command {
  return new Command('collect')
    .description('Save pictures of good products as a data set that beltsight train takes as it is')
    .requiredOption('--config <file>', 'YAML configuration of the device; only its cameras are used')
    .requiredOption('--class <name>', 'product class before the camera')
    .requiredOption('--count <n>', 'pictures that the class shall have in the end', between('--count', 1, 1e6))
    .requiredOption('--out <folder>', 'data set folder; what is there stays, and counts')
    .option('--camera <name>', 'which camera, where the configuration has several')
    .option('--quota <megabytes>', 'disk space that the class may take', between('--quota', 1, 1e9), 4096)
    .option(
      '--difference <levels>',
      'pictures less different from a kept one (mean grey levels) are skipped; 0: none',
      between('--difference', 0, 255),
      1,
    )
    .option(
      '--sharpness <share>',
      'pictures less sharp than this share of the usual are skipped; 0: none',
      between('--sharpness', 0, 1),
      0.4,
    )
    .addHelpText(
      'after',
      '\nCtrl-C ends it; the same command goes on.\n\nExample:\n  beltsight-device collect --config device.yaml --class bottle --count 100 --out products',
    )
    .action(async (flags: Flags) => {
      const config = await readDeviceConfig(flags.config);
      const chosen = chosenCamera(config, flags.camera);
      const className = folderName(flags.class);
      const count = Math.trunc(flags.count);
      const quotaBytes = flags.quota * 2 ** 20;
      const store = await ImageStore.open(resolve(flags.out), className, { quotaBytes, reserveBytes: RESERVE });
      const converter = new RgbConverter(loadRuntime(config.runtime.library));
      const stopping = abortOnSignal();
      const { site, line, device } = config;
      try {
        const { kept, rejected } = await collect(
          {
            camera: openCamera(chosen),
            converter,
            store,
            count,
            difference: flags.difference,
            sharpness: flags.sharpness,
            about: { site, line, device, camera: chosen.name },
            seen: ({ kept, rejected, fault }) =>
              process.stderr.write(fault ? `${fault}\n` : `\r${kept} of ${count} pictures, ${words(rejected)} `),
          },
          stopping,
        );
        process.stderr.write(
          `\n${kept} pictures of ${className} in ${resolve(flags.out, className)}; ${words(rejected)}.\n`,
        );
        if (kept < count) {
          process.stderr.write(`${count - kept} are missing: the same command goes on.\n`);
          process.exitCode = stopping.aborted ? 130 : 1;
        }
      } finally {
        await converter.close();
      }
    });
}

/** Bytes kept free on the disk: the device itself needs room to work. */
const RESERVE = 512 * 2 ** 20;

const words = ({ duplicate, blurred }: { duplicate: number; blurred: number }) =>
  `${duplicate} skipped as near-duplicates, ${blurred} as blurred`;

function folderName(name: string): string {
  if (isClassName(name)) return name;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `--class ${name}: give a name of 1 to 64 characters without "/" or "\\", not starting with ".".`,
  );
}
