import { Command } from 'commander';
import { plainTable } from '../plain-table.js';
import { curvesSvg } from '../record/curves.js';
import { type Line, readRecordedRun, sideBySide } from '../record/side-by-side.js';
import { writeAtomically } from '../train/atomic.js';

/** beltsight compare: two run folders in, what differs in their making and what came of it. */
export function compareCommand(): Command {
  return new Command('compare')
    .description('Show two runs side by side: what differs in their making, and what came of it')
    .argument('<run>', 'run folder of beltsight train')
    .argument('<other>', 'another one')
    .option('--svg <file>', 'draw the curves of both on the same axes')
    .action(async (first: string, second: string, { svg }: { readonly svg?: string }) => {
      const runs = [await readRecordedRun(first), await readRecordedRun(second)] as const;
      const { differences, figures, cautions } = sideBySide(...runs);
      const table = (title: string, lines: readonly Line[]) => {
        const made = plainTable([title, first, second]);
        for (const line of lines) made.push([...line]);
        process.stdout.write(`${made.toString()}\n`);
      };
      if (differences.length === 0) process.stdout.write('Made in the same way from the same images.\n');
      else table('made with', differences);
      table('outcome', figures);
      for (const caution of cautions) process.stdout.write(`${caution}\n`);
      for (const { folder, evaluation } of runs) {
        if (!evaluation)
          process.stdout.write(
            `${folder} has no metrics: write them with beltsight evaluate --json ${folder}/evaluation.json\n`,
          );
      }
      if (svg === undefined) return;
      await writeAtomically(svg, curvesSvg(runs.map(({ folder, history }) => ({ name: folder, history }))));
    });
}
