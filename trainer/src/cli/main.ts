import { mistypedFirst, outliveReader } from '@beltsight/sdk';
import { Command } from 'commander';
import { backboneCommand } from './backbone.js';
import { compareCommand } from './compare.js';
import { dataCommand } from './data.js';
import { reportError } from './errors.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { inboxCommand } from './inbox.js';
import { modelCommand } from './model.js';
import { releaseCommand } from './release.js';
import { rolloutCommand } from './rollout.js';
import { sweepCommand } from './sweep.js';
import { trainCommand } from './train.js';

const program = new Command('beltsight')
  .description('Train, export and evaluate visual anomaly inspection models, and bring them to devices')
  .showHelpAfterError('(add --help for the options)')
  .addCommand(backboneCommand())
  .addCommand(modelCommand())
  .addCommand(trainCommand())
  .addCommand(exportCommand())
  .addCommand(evaluateCommand())
  .addCommand(compareCommand())
  .addCommand(sweepCommand())
  .addCommand(dataCommand())
  .addCommand(inboxCommand())
  .addCommand(releaseCommand())
  .addCommand(rolloutCommand());

outliveReader(process.stdout);
try {
  await mistypedFirst(program).parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
