import { Command } from 'commander';
import { reportError } from './errors.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { inboxCommand } from './inbox.js';
import { releaseCommand } from './release.js';
import { trainCommand } from './train.js';

const program = new Command('beltsight')
  .description('Train, export and evaluate visual anomaly inspection models')
  .showHelpAfterError('(add --help for the options)')
  .addCommand(trainCommand())
  .addCommand(exportCommand())
  .addCommand(evaluateCommand())
  .addCommand(inboxCommand())
  .addCommand(releaseCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
