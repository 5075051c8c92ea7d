/**
 * npm run bench -- update-faults [--json FILE]
 *
 * Injects each fault at every operation of an update in turn (see test/update/trials.ts), and prints how many devices survive.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { FaultyDevices } from '../update/faults.js';
import { UpdatedScene } from '../update/scene.js';
import { type Outcome, Trials } from '../update/trials.js';

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const scene = await UpdatedScene.open();
const report: Record<string, readonly Outcome[]> = {};
try {
  const trials = new Trials(scene, await FaultyDevices.build(scene.folder));
  for (const kind of ['kill', 'ENOSPC', 'EROFS'] as const) {
    const instants = await trials.instants(kind);
    const outcomes = kind === 'kill' ? await trials.kill(instants) : await trials.refuse(kind, instants);
    const fallen = outcomes.filter(({ fault }) => fault !== undefined);
    const slowest = Math.max(...outcomes.map(({ servingAfterMs }) => servingAfterMs || 0));
    console.log(
      `${kind.padEnd(6)} ${outcomes.length} injected, ${outcomes.length - fallen.length} survived, serving after ${slowest.toFixed(0)} ms at most`,
    );
    for (const { at, fault } of fallen) console.log(`       at ${at}: ${fault}`);
    report[kind] = outcomes;
  }
} finally {
  await scene.close();
}
if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
process.exitCode = Object.values(report)
  .flat()
  .some(({ fault }) => fault !== undefined)
  ? 1
  : 0;
