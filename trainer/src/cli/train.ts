import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { shortcomings, toleranceSchema } from '../compare/comparison.js';
import { comparisonTable } from '../compare/table.js';
import { concludeFineTuning, startFineTuning } from '../finetune/finetune.js';
import { readTrainConfig } from '../train/config-file.js';
import type { EngineChoice } from '../train/engine/open.js';
import { terminalReporter } from '../train/progress.js';
import { COMPUTING, readRunDescription } from '../train/run.js';
import { train } from '../train/train.js';
import { StageBar } from './stage-bar.js';
import { stopOnSignal } from './stop.js';
import { whole } from './whole.js';

interface Flags {
  readonly data?: string[];
  readonly out: string;
  readonly resume?: boolean;
  readonly config?: string;
  readonly from?: string;
  readonly feedback?: string[];
  readonly releases: string;
  readonly run?: string;
  readonly [flag: string]: unknown;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** beltsight train: a folder of good products in, a run folder out. */
export function trainCommand(): Command {
  return new Command('train')
    .description('Train one model for all product classes on pictures of good products')
    .option('--data <dir...>', 'folders of good images: <class>/train/good/*.png, or a published data set')
    .requiredOption('--out <run>', 'run folder to write')
    .option('--loss <mode>', 'ccl, rd+projector or rd (default: ccl)')
    .option('--size <pixels>', 'side of the square input, a multiple of 32 (default: 256)', whole)
    .option('--epochs <n>', 'at most so many (default: 100; with --from 20)', whole)
    .option('--patience <n>', 'stop after so many epochs without improvement (default: 10; with --from 5)', whole)
    .option('--seed <n>', 'the same seed gives the same model on one machine (default: 0)', whole)
    .option('--batch <n>', 'images a step (default: 16)', whole)
    .option('--teacher <name|file>', 'name of "beltsight backbone list", or a safetensors file (default: mobilenet_v2)')
    .option('--engine <name>', 'compiled (ONNX Runtime) or native (TensorFlow, where installed) (default: compiled)')
    .option('--provider <name>', 'of the compiled engine: cpu or cuda (default: cpu)')
    .option('--threads <n>', 'for the engine (default: all cores)', whole)
    .option('--config <file>', 'YAML or JSON with any of these and more; see docs/training.md')
    .option(
      '--resume',
      'go on with the run in --out after a stop of any kind; --engine, --provider, --threads may change',
    )
    .option('--from <model>', 'train a model further: a release such as bottles-3, a bundle folder, or a run folder')
    .option(
      '--feedback <dir...>',
      'with --from: folders of beltsight inbox, pictures of good products that were rejected',
    )
    .option('--releases <folder>', 'with --from: workspace that the release is in', 'releases')
    .option('--run <run>', 'with --from: run folder of that model, where it was moved')
    .addHelpText(
      'after',
      `
Examples:
  beltsight train --data products --out runs/first --size 256
  beltsight train --from bottles-3 --feedback inbox --out runs/second`,
    )
    .action(async (given: Flags) => {
      requireSense(given);
      const { out, resume = false, config: file, from, feedback, releases, run: moved, ...flags } = given;
      if (from !== undefined) {
        const config = { file, flags };
        await startFineTuning({ from, releases, run: moved, feedback: feedback ?? [], out, config, log: say });
      }
      const config = resume || from !== undefined ? undefined : await readTrainConfig(file, flags);
      const stopper = stopOnSignal();
      try {
        const { end, epochs, bestEpoch, bestLoss } = await train(config, {
          out,
          resume: config === undefined,
          // Not checked yet: that is done where it meets the run's own configuration.
          computing: (resume ? flags : {}) as Partial<EngineChoice>,
          signal: stopper.signal,
          reporter: ({ config }, epochs) => terminalReporter(process.stderr, epochs, config.batch),
          log: say,
        });
        if (end === 'interrupted') {
          process.stderr.write(`\nStopped. Go on with: beltsight train --out ${out} --resume\n`);
          process.exitCode = 130;
          return;
        }
        const best =
          bestEpoch === null ? '' : `, best after epoch ${bestEpoch + 1} (held-out loss ${bestLoss?.toFixed(4)})`;
        say(`Trained for ${epochs} epochs${best}.`);
        if ((await readRunDescription(out)).from) await conclude(out);
        else say(`Next: beltsight export --run ${out} --out BUNDLE`);
      } finally {
        stopper.dispose();
      }
    });
}

/** @throws BeltsightError ARGUMENT_INVALID if the options do not say what to train, or say it twice */
function requireSense({ out, releases, resume, ...rest }: Flags): void {
  const { from, feedback, data, config } = rest;
  const problem = () => {
    const settled = Object.keys(rest).filter((flag) => resume && !(flag in COMPUTING));
    if (settled.length > 0) {
      const flags = settled.map((flag) => `--${flag}`).join(', ');
      return `--resume goes on with the run in ${out} as it was started: leave out ${flags}.`;
    }
    if (from !== undefined && !feedback) return '--from needs --feedback INBOX: what there is to learn.';
    if (from !== undefined && data) return '--from trains on the data of its model and --feedback: leave out --data.';
    if (from === undefined && feedback) return '--feedback needs --from MODEL: what to train further.';
    if (resume || from !== undefined || data || config !== undefined) return undefined;
    return 'Nothing to train on: give --data DIR (or --resume with a run in --out).';
  };
  const message = problem();
  if (message !== undefined) throw new BeltsightError('ARGUMENT_INVALID', message);
}

/** A model that was trained further becomes a bundle at once, and is compared with the one it came from. */
async function conclude(out: string): Promise<void> {
  const progress = new StageBar(process.stderr);
  const { bundle, comparison } = await concludeFineTuning(out, {
    log: (line) => progress.say(line),
    progress: (stage, done, total) => progress.update(stage, done, total),
  }).finally(() => progress.end());
  if (comparison) process.stdout.write(`${comparisonTable(comparison)}\n`);
  const worse = comparison ? shortcomings(comparison, toleranceSchema.parse({})) : [];
  if (worse.length > 0) say(`Warning: worse than the model before: ${worse.join('; ')}.`);
  say(`Next: beltsight release add --bundle ${bundle} --name NAME`);
}
