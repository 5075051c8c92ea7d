import { writeFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { measure } from '../bench/measure.js';
import { reportOf } from '../bench/report.js';
import { LocalMachine } from '../doctor/machine.js';
import { abortOnSignal, between } from './flags.js';
import { returnFreedMemory } from './memory.js';

interface Flags {
  readonly bundle: string;
  readonly image?: string;
  readonly seconds: number;
  readonly threads?: number;
  readonly json?: string;
}

/** beltsight-device bench: how fast a bundle is on this device. */
export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'Measure how fast this device scores with a bundle: latency of each stage, frames a second, heat, clocks',
    )
    .requiredOption('--bundle <dir>', 'bundle folder of beltsight export')
    .option(
      '--image <file>',
      'picture to score, such as a frame of your camera (default: a golden sample of the bundle)',
    )
    .option(
      '--seconds <n>',
      'how long; Ctrl-C ends earlier, with the figures so far',
      between('--seconds', 0.1, 3600),
      10,
    )
    .option('--threads <n>', 'inference threads (default: all cores)', between('--threads', 1, 256))
    .option('--json <file>', 'write the figures as JSON')
    .addHelpText('after', '\nExample:\n  beltsight-device bench --bundle bundles/first --image frame.png')
    .action(async ({ json, ...options }: Flags) => {
      returnFreedMemory();
      const stopping = abortOnSignal();
      const log = (line: string) => process.stderr.write(`${line}\n`);
      const figures = await measure({ ...options, log }, new LocalMachine(), stopping);
      process.stdout.write(`${reportOf(figures)}\n`);
      if (json !== undefined) await save(json, `${JSON.stringify(figures, null, 2)}\n`);
    });
}

async function save(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new BeltsightError(
      'IO_FAILED',
      `${file} cannot be written (${(cause as Error).message}): name a file in a folder that is there.`,
      { cause },
    );
  }
}
