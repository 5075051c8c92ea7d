/**
 * Pushes results into a spool on a disk that fills up, frees the disk, and prints as JSON what came of it.
 *
 * full-disk.ts FOLDER (on a small file system of its own)
 */
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { Backlog } from '../../device/src/spool/backlog.js';

const [folder = ''] = process.argv.slice(2);
const RECORD_BYTES = 4000;

const limits = { maxBytes: 2 ** 26, maxAgeMs: 1e12, memoryBytes: 2 ** 24 };
const open = () => Backlog.open({ folder, limits, sync: 100, logger: pino({ level: 'silent' }), retryMs: 100 });
const contents = (backlog: Backlog) => {
  const numbers: number[] = [];
  for (let key = backlog.next(0); key !== undefined; key = backlog.next(key + 1)) {
    numbers.push(Number(Buffer.from(backlog.read(key)?.body ?? []).toString()));
  }
  return numbers;
};

const filler = join(dirname(folder), 'filler');
await writeFile(filler, Buffer.alloc(5_000_000));
let backlog = await open();
let pushed = 0;
const push = () => backlog.push(Buffer.from(`${pushed++}`.padEnd(RECORD_BYTES)), 'result');
while (backlog.figures.fault === undefined && pushed < 3000) {
  push();
  await backlog.settled();
}
const { fault } = backlog.figures;
const pushedWhenFull = pushed;
for (let i = 0; i < 100; i++) push();
const readableWhenFull = contents(backlog).length;
await rm(filler);
for (let i = 0; i < 600 && backlog.figures.fault !== undefined; i++) await sleep(50);
for (let i = 0; i < 100; i++) push();
const faultAfterwards = backlog.figures.fault ?? null;
const { dropped } = backlog.figures;
await backlog.close();
backlog = await open();
const numbers = contents(backlog);
await backlog.close();
const inOrder = numbers.every((number, i) => number === i);
process.stdout.write(
  JSON.stringify({
    fault,
    pushed,
    pushedWhenFull,
    readableWhenFull,
    faultAfterwards,
    dropped,
    inOrder,
    left: numbers.length,
  }),
);
