import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { plainTable } from '../plain-table.js';
import { runSweep } from '../sweep/sweep.js';
import { meanTable } from '../sweep/table.js';
import { terminalReporter } from '../train/progress.js';
import { stopOnSignal } from './stop.js';
import { whole } from './whole.js';

interface Flags {
  readonly out: string;
  readonly shard?: { readonly index: number; readonly of: number };
  readonly threads?: number;
  readonly table?: boolean;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

function shardOf(value: string) {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(value)?.map(Number) ?? [];
  if (index !== undefined && of !== undefined && index >= 1 && index <= of) return { index, of };
  throw new BeltsightError('ARGUMENT_INVALID', `"${value}" is no share of the runs: write 1/2 for the first of two.`);
}

/** beltsight sweep: a grid of training configurations in, one table out. */
export function sweepCommand(): Command {
  return new Command('sweep')
    .description('Train and measure every combination of a grid, over several seeds, and write one table')
    .argument('<file>', 'YAML or JSON: base, axes, seeds; see docs/sweeps.md')
    .requiredOption('--out <folder>', 'folder for results, run folders and tables; several sweeps can share it')
    .option('--shard <i/n>', 'only this share of the runs, for several processes or machines at once', shardOf)
    .option('--threads <n>', 'for the engine, where the file does not say (default: all cores)', whole)
    .option('--table', 'train nothing: only write the tables from the results that there are')
    .action(async (file: string, { out, shard, threads, table = false }: Flags) => {
      const stopper = stopOnSignal();
      try {
        const { plan, rows, done, total, failed } = await runSweep(file, {
          out,
          ...(shard ? { shard } : {}),
          ...(threads === undefined ? {} : { threads }),
          tableOnly: table,
          signal: stopper.signal,
          reporter: ({ config }, epochs) => terminalReporter(process.stderr, epochs, config.batch),
          log: say,
          runStarted: ({ key, config }, number, of) =>
            say(`\nRun ${number} of ${of}, ${key}: seed ${config.seed}, ${config.data.join(', ')}`),
        });
        const { head, rows: lines } = meanTable(plan.axes, rows);
        const text = plainTable(head);
        for (const line of lines) text.push(line);
        process.stdout.write(`${text.toString()}\n`);
        say(`${done} of ${total} runs done; tables in ${out}.`);
        if (failed.size > 0) process.exitCode = 1;
        if (stopper.signal.aborted) {
          say('Stopped. Go on with the same command.');
          process.exitCode = 130;
        }
      } finally {
        stopper.dispose();
      }
    });
}
