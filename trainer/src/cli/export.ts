import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { exportBundle } from '../export/export.js';

interface Flags {
  readonly run: string;
  readonly out: string;
  readonly name?: string;
  readonly falseRejectRate: string;
  readonly batch: string;
}

/** beltsight export: a run folder in, an inspection bundle out. */
export function exportCommand(): Command {
  return new Command('export')
    .description('Make an inspection bundle: model file, thresholds, golden samples, model card')
    .requiredOption('--run <run>', 'run folder of beltsight train')
    .requiredOption('--out <bundle>', 'bundle folder to write; a bundle that is there is replaced')
    .option('--name <name>', 'what people call the model (default: the name of the run folder)')
    .option('--false-reject-rate <share>', 'share of good products that may be rejected', '0.05')
    .option('--batch <n>', 'images per run of the model', '1')
    .addHelpText(
      'after',
      '\nExample:\n  beltsight export --run runs/first --out bundles/first --false-reject-rate 0.02',
    )
    .action(async ({ run, out, name, falseRejectRate, batch }: Flags) => {
      const { modelId, classes, exportDifference } = await exportBundle({
        run,
        out,
        ...(name === undefined ? {} : { name }),
        falseRejectRate: between(falseRejectRate, '--false-reject-rate', 0, 1),
        batch: Math.trunc(between(batch, '--batch', 0, 65)),
        log: (line) => process.stderr.write(`${line}\n`),
      });
      for (const c of classes)
        process.stderr.write(`Class ${c.name}: rejected from score ${c.threshold.toFixed(4)} on.\n`);
      process.stderr.write(
        `Bundle ${out}, model ${modelId}; scores differ from the trainer's by at most ${exportDifference.toExponential(1)}.\n`,
      );
    });
}

/** A number strictly between `low` and `high`. */
function between(text: string, flag: string, low: number, high: number): number {
  const value = Number(text);
  if (value > low && value < high) return value;
  throw new BeltsightError('ARGUMENT_INVALID', `${flag} ${text}: give a number between ${low} and ${high}.`);
}
