import { BeltsightError, mistypedFirst, outliveReader } from '@beltsight/sdk';
import { Command } from 'commander';
import { benchCommand } from './bench.js';
import { cameraCommand } from './camera.js';
import { collectCommand } from './collect.js';
import { commandCommand } from './command.js';
import { doctorCommand } from './doctor.js';
import { providerCommand } from './provider.js';
import { runCommand } from './run.js';
import { uploadCommand } from './upload.js';

const program = new Command('beltsight-device')
  .description('Inspect camera frames with a Beltsight model and publish the results over MQTT')
  .showHelpAfterError('(add --help for the options)')
  .addCommand(runCommand(new URL('./dashboard/', import.meta.url)))
  .addCommand(providerCommand())
  .addCommand(doctorCommand())
  .addCommand(benchCommand())
  .addCommand(cameraCommand(new URL('./watch-page.js', import.meta.url)))
  .addCommand(collectCommand())
  .addCommand(commandCommand())
  .addCommand(uploadCommand());

outliveReader(process.stdout);
try {
  await mistypedFirst(program).parseAsync();
} catch (error) {
  const text =
    error instanceof BeltsightError
      ? `${error.code}: ${error.message}`
      : `Unexpected error: ${(error as Error)?.stack ?? error}`;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
