import { BeltsightError } from '@beltsight/sdk';
import { PRECISIONS, type Precision } from '@beltsight/sdk/bundle';
import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { exportBundle } from '../export/export.js';
import { precisionTable } from '../export/precision/table.js';

interface Flags {
  readonly run: string;
  readonly out: string;
  readonly name?: string;
  readonly falseRejectRate: string;
  readonly batch: string;
  readonly precision: string;
  readonly evaluate?: string;
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
    .option('--precision <precision>', `arithmetic of the model: ${PRECISIONS.join(', ')}`, 'fp32')
    .option('--evaluate <dir>', 'test images to compare precisions on (default: held-out images)')
    .addHelpText(
      'after',
      `
Examples:
  beltsight export --run runs/first --out bundles/first --false-reject-rate 0.02
  beltsight export --run runs/first --out bundles/small --precision int8 --evaluate products`,
    )
    .action(async ({ run, out, name, falseRejectRate, batch, precision, evaluate }: Flags) => {
      const progress = new StageBar(process.stderr);
      const { modelId, classes, exportDifference, precisions } = await exportBundle({
        run,
        out,
        ...(name === undefined ? {} : { name }),
        falseRejectRate: between(falseRejectRate, '--false-reject-rate', 0, 1),
        batch: Math.trunc(between(batch, '--batch', 0, 65)),
        precision: precisionOf(precision),
        ...(evaluate === undefined ? {} : { evaluate }),
        log: (line) => {
          progress.end();
          process.stderr.write(`${line}\n`);
        },
        progress: (stage, done, total) => progress.update(stage, done, total),
      }).finally(() => progress.end());
      for (const c of classes)
        process.stderr.write(`Class ${c.name}: rejected from score ${c.threshold.toFixed(4)} on.\n`);
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

/** Progress of one stage after the other: a bar on a terminal, a line when a stage begins elsewhere. */
class StageBar {
  #stage: string | undefined;
  #bar: SingleBar | undefined;

  constructor(private readonly output: NodeJS.WriteStream) {}

  update(stage: string, done: number, total: number): void {
    if (stage !== this.#stage) {
      this.end();
      this.#stage = stage;
      if (this.output.isTTY) {
        this.#bar = new SingleBar({
          format: `${stage} {bar} {value}/{total}`,
          stream: this.output,
          clearOnComplete: true,
        });
        this.#bar.start(total, 0);
      } else this.output.write(`${stage} (${total} steps)\n`);
    }
    this.#bar?.update(done);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = undefined;
  }
}
