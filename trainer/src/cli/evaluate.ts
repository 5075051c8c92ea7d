import { Command } from 'commander';
import { evaluateBundle } from '../evaluate/evaluate.js';
import { htmlReport } from '../evaluate/report/report.js';
import { evaluationTable } from '../evaluate/table.js';
import { writeAtomically } from '../train/atomic.js';
import { StageBar } from './stage-bar.js';

interface Flags {
  readonly bundle: string;
  readonly data: string[];
  readonly json?: string;
  readonly html?: string;
  readonly classes?: string;
  readonly unknown?: string[];
  readonly run?: string;
}

/** beltsight evaluate: a bundle and test images in, metrics out. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Measure a bundle on test images: AUROC, AP, F1, AUPRO, verdicts')
    .requiredOption('--bundle <bundle>', 'bundle folder of beltsight export')
    .requiredOption(
      '--data <dir...>',
      'folders with test images: <class>/test/{good,<defect>}/*.png, or a published data set',
    )
    .option('--json <file>', 'write the figures as JSON')
    .option('--html <file>', 'write a report with curves, histograms and the worst misses')
    .option('--classes <names>', 'only these classes, separated by commas')
    .option('--unknown <dir...>', 'folders of products that the model was never trained on: are they called unknown?')
    .option(
      '--run <run>',
      'run folder of the bundle: also measure which class the student reconstructs (twice the time)',
    )
    .action(async ({ bundle, data, json, html, classes, unknown = [], run }: Flags) => {
      const progress = new StageBar(process.stderr);
      const evaluated = await evaluateBundle({
        bundle,
        data,
        unknown,
        ...(classes === undefined ? {} : { classes: classes.split(',').map((name) => name.trim()) }),
        ...(run === undefined ? {} : { run }),
        log: (line) => progress.say(line),
        progress: (done, total) => progress.update('scoring', done, total),
      }).finally(() => progress.end());
      const { evaluation } = evaluated;
      process.stdout.write(`${evaluationTable(evaluation)}\n`);
      if (json !== undefined) await writeAtomically(json, `${JSON.stringify(evaluation, null, 2)}\n`);
      if (html !== undefined) await writeAtomically(html, await htmlReport(evaluated, bundle));
    });
}
