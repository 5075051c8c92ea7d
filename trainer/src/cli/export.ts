import { BeltsightError } from '@beltsight/sdk';
import { PRECISIONS, type Precision } from '@beltsight/sdk/bundle';
import { Command } from 'commander';
import { comparisonTable } from '../compare/table.js';
import { exportBundle } from '../export/export.js';
import { precisionTable } from '../export/precision/table.js';
import { StageBar } from './stage-bar.js';

interface Flags {
  readonly run: string;
  readonly out: string;
  readonly name?: string;
  readonly falseRejectRate?: string;
  readonly batch?: string;
  readonly precision?: string;
  readonly evaluate?: string;
  readonly compare: boolean;
}

/** beltsight export: a run folder in, an inspection bundle out. */
export function exportCommand(): Command {
  return new Command('export')
    .description('Make an inspection bundle: model file, thresholds, golden samples, model card')
    .requiredOption('--run <run>', 'run folder of beltsight train')
    .requiredOption('--out <bundle>', 'bundle folder to write; a bundle that is there is replaced')
    .option('--name <name>', 'what people call the model (default: the name of the run folder)')
    .option('--false-reject-rate <share>', 'share of good products that may be rejected (default: 0.05)')
    .option('--batch <n>', 'images per run of the model (default: 1)')
    .option('--precision <precision>', `arithmetic of the model: ${PRECISIONS.join(', ')} (default: fp32)`)
    .option(
      '--evaluate <dir>',
      'test images to compare precisions, or a fine-tuned model, on (default: held-out images; those of its data)',
    )
    .option('--no-compare', 'do not compare a fine-tuned model with the one it came from; it cannot be released then')
    .addHelpText(
      'after',
      `
Examples:
  beltsight export --run runs/first --out bundles/first --false-reject-rate 0.02
  beltsight export --run runs/first --out bundles/small --precision int8 --evaluate products`,
    )
    .action(async ({ run, out, name, falseRejectRate, batch, precision, evaluate, compare }: Flags) => {
      const progress = new StageBar(process.stderr);
      const { modelId, classes, exportDifference, precisions, comparison } = await exportBundle({
        run,
        out,
        ...(name === undefined ? {} : { name }),
        ...(falseRejectRate === undefined
          ? {}
          : { falseRejectRate: between(falseRejectRate, '--false-reject-rate', 0, 1) }),
        ...(batch === undefined ? {} : { batch: Math.trunc(between(batch, '--batch', 0, 65)) }),
        ...(precision === undefined ? {} : { precision: precisionOf(precision) }),
        ...(evaluate === undefined ? {} : { evaluate }),
        compare,
        log: (line) => progress.say(line),
        progress: (stage, done, total) => progress.update(stage, done, total),
      }).finally(() => progress.end());
      for (const c of classes)
        process.stderr.write(`Class ${c.name}: rejected from score ${c.threshold.toFixed(4)} on.\n`);
      if (comparison) process.stdout.write(`${comparisonTable(comparison)}\n`);
      if (precisions) process.stdout.write(`${precisionTable(precisions)}\n`);
      process.stderr.write(
        `Bundle ${out}, model ${modelId}; scores before any reduction differ from the trainer's by at most ${exportDifference.toExponential(1)}.\n`,
      );
    });
}

/** A number strictly between `low` and `high`. */
function between(text: string, flag: string, low: number, high: number): number {
  const value = Number(text);
  if (value > low && value < high) return value;
  throw new BeltsightError('ARGUMENT_INVALID', `${flag} ${text}: give a number between ${low} and ${high}.`);
}

function precisionOf(text: string): Precision {
  const found = PRECISIONS.find((precision) => precision === text);
  if (found) return found;
  throw new BeltsightError('ARGUMENT_INVALID', `--precision ${text}: give one of ${PRECISIONS.join(', ')}.`);
}
