import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { readTrainConfig } from '../train/config-file.js';
import { terminalReporter } from '../train/progress.js';
import { train } from '../train/train.js';

interface Flags {
  readonly data?: string[];
  readonly out: string;
  readonly resume?: boolean;
  readonly config?: string;
  readonly [flag: string]: unknown;
}

const whole = (value: string) => {
  const number = Number(value);
  if (!Number.isInteger(number)) throw new BeltsightError('ARGUMENT_INVALID', `"${value}" is not a whole number.`);
  return number;
};

/** beltsight train: a folder of good products in, a run folder out. */
export function trainCommand(): Command {
  return new Command('train')
    .description('Train one model for all product classes on pictures of good products')
    .option('--data <dir...>', 'folders in MVTec layout: <class>/train/good/*.png')
    .requiredOption('--out <run>', 'run folder to write')
    .option('--loss <mode>', 'ccl, rd+projector or rd (default: ccl)')
    .option('--size <pixels>', 'side of the square input, a multiple of 32 (default: 256)', whole)
    .option('--epochs <n>', 'at most so many (default: 100)', whole)
    .option('--patience <n>', 'stop after so many epochs without improvement (default: 10)', whole)
    .option('--seed <n>', 'the same seed gives the same model on one machine (default: 0)', whole)
    .option('--batch <n>', 'images a step (default: 16)', whole)
    .option('--teacher <name|file>', 'mobilenet_v2, or a safetensors file (default: mobilenet_v2)')
    .option('--engine <name>', 'compiled (ONNX Runtime) or native (tfjs) (default: compiled)')
    .option('--threads <n>', 'for the engine (default: all cores)', whole)
    .option('--config <file>', 'YAML or JSON with any of these and more; see docs/training.md')
    .option('--resume', 'go on with the run in --out after a stop of any kind')
    .addHelpText('after', '\nExample:\n  beltsight train --data products --out runs/first --size 256')
    .action(async ({ out, resume = false, config: file, ...flags }: Flags) => {
      if (!resume && !flags.data && file === undefined) {
        throw new BeltsightError(
          'ARGUMENT_INVALID',
          'Nothing to train on: give --data DIR (or --resume with a run in --out).',
        );
      }
      const config = resume ? undefined : await readTrainConfig(file, flags);
      const stopper = stopOnSignal();
      try {
        const { end, epochs, bestEpoch, bestLoss } = await train(config, {
          out,
          resume,
          signal: stopper.signal,
          reporter: (run) => terminalReporter(process.stderr, run.config.epochs, run.config.batch),
          log: (line) => process.stderr.write(`${line}\n`),
        });
        if (end === 'interrupted') {
          process.stderr.write(`\nStopped. Go on with: beltsight train --out ${out} --resume\n`);
          process.exitCode = 130;
          return;
        }
        const best =
          bestEpoch === null ? '' : `, best after epoch ${bestEpoch + 1} (held-out loss ${bestLoss?.toFixed(4)})`;
        process.stderr.write(
          `Trained for ${epochs} epochs${best}.\nNext: beltsight export --run ${out} --out BUNDLE\n`,
        );
      } finally {
        stopper.dispose();
      }
    });
}

/** The first Ctrl-C ends the running step and writes a checkpoint; the second ends the process at once. */
function stopOnSignal() {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    process.stderr.write('\nStopping after this step; once more to stop at once.\n');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
