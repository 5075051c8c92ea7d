import { Command } from 'commander';
import { examine } from '../doctor/examine.js';
import { lineOf } from '../doctor/finding.js';
import { LocalMachine } from '../doctor/machine.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

/** beltsight-device doctor: what this device is, and what is wrong with it. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Look at this device: hardware, drivers, clocks, disks; with a configuration also bundle, cameras and broker',
    )
    .option('--config <file>', 'check what this configuration names, as run --dry-run does')
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nEnds with status 1 if there is a fault.\n\nExample:\n  beltsight-device doctor --config device.yaml',
    )
    .action(async ({ config, json = false }: Flags) => {
      const findings = await examine(new LocalMachine(), config);
      const sound = findings.every(({ level }) => level !== 'fault');
      const report = json ? JSON.stringify({ sound, findings }, null, 2) : findings.map(lineOf).join('\n');
      process.stdout.write(`${report}\n`);
      process.exitCode = sound ? 0 : 1;
    });
}
