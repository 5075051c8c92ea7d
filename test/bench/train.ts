/**
 * npm run bench -- train [--teachers resnet18,wide_resnet50_2] [--losses rd,ccl] [--sizes 128,256] [--batch 16] [--steps 3]
 *   [--operators] [--eager] [--idle] [--json FILE]
 *
 * Milliseconds per image of the compiled engine's training steps on the trainer's own models, with generated teacher weights and two
 * threads. Where Debian's python3 has PyTorch (python3-torch), it takes the same step on the same networks in a process of its own, in turn
 * with the engine, and the ratio of the two fastest steps is printed. Both are in memory at once: WideResNet-50-2 at 256x256 takes some 20 GB.
 *
 * --operators: where the time goes, by ONNX operator. --eager: tfjs's CPU backend on the same step at 64x64, batch 2 (minutes).
 * --idle: for which share of two epochs of a real run the engine waits for data.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CompiledEngine } from '../../trainer/src/train/engine/compiled.js';
import { EagerEngine } from '../../trainer/src/train/engine/eager.js';
import { PLAIN_TFJS } from '../../trainer/src/train/engine/native.js';
import { DEFAULT_OPTIMIZER } from '../../trainer/src/train/engine/program.js';
import type { Batch, TrainingEngine } from '../../trainer/src/train/engine.js';
import { operatorsOf } from './support/profile.js';
import { idleShares } from './train/idle.js';
import { PyTorch } from './train/pytorch.js';
import { batchOf, type Case, type LOSSES, type Subject, subjectOf } from './train/subject.js';

const { values } = parseArgs({
  options: {
    teachers: { type: 'string', default: 'resnet18,wide_resnet50_2' },
    losses: { type: 'string', default: 'rd,ccl' },
    sizes: { type: 'string', default: '128,256' },
    batch: { type: 'string', default: '16' },
    steps: { type: 'string', default: '3' },
    operators: { type: 'boolean', default: false },
    eager: { type: 'boolean', default: false },
    idle: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const batch = Number(values.batch);
const steps = Number(values.steps);
const threads = 2;

const results = [];
for (const teacher of values.teachers.split(',')) {
  for (const size of values.sizes.split(',').map(Number)) {
    for (const loss of values.losses.split(',') as (typeof LOSSES)[number][]) {
      const measured: Case = { teacher, loss, size, batch };
      const name = `${teacher} ${loss} ${size}x${size}`;
      const subject = subjectOf(measured);
      const times = await compared(measured, subject);
      const operators = values.operators ? await profiled(measured, subject) : undefined;
      if (operators) console.table(operators.slice(0, 12).map(({ ms, ...rest }) => ({ ...rest, ms: ms.toFixed(2) })));
      const idle = values.idle ? await idleShares(measured, threads) : undefined;
      if (idle)
        console.log(`${name}: waiting for data ${idle.map((share) => `${(share * 100).toFixed(1)} %`).join(', ')}`);
      const eager = values.eager ? await comparedWithEager({ ...measured, size: 64, batch: 2 }) : undefined;
      results.push({ ...measured, threads, ...times, operators, idle, eager });
    }
  }
}
if (values.json) writeFileSync(values.json, JSON.stringify(results, null, 2));

/** Milliseconds per image of the fastest step, ours and PyTorch's in turn. */
async function compared(measured: Case, { program, tensors, parameters }: Subject) {
  const pytorch = await PyTorch.open(measured, threads);
  const engine = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads });
  engine.restore({ step: 0, tensors });
  const data = batchOf(measured);
  await engine.step(data);
  let [ours, theirs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let step = 0; step < steps; step++) {
    ours = Math.min(ours, (await timed(engine, data)) / batch);
    if (pytorch) theirs = Math.min(theirs, (await pytorch.step()) / batch);
  }
  pytorch?.close();
  await engine.close();
  const { teacher, loss, size } = measured;
  console.log(`${teacher} ${loss} ${size}x${size}, batch ${batch}, ${threads} threads: ${ours.toFixed(1)} ms an image`);
  if (!pytorch) return { ours };
  const { version, format, parameters: count } = pytorch.greeting;
  if (count !== parameters) throw new Error(`PyTorch trains ${count} parameters, the trainer ${parameters}.`);
  console.log(
    `  PyTorch ${version} (${format}): ${theirs.toFixed(1)} ms; ratio ${(ours / theirs).toFixed(2)}; ${parameters} parameters`,
  );
  return { ours, theirs, ratio: ours / theirs, pytorch: pytorch.greeting };
}

/** Milliseconds per image by operator. Profiling itself costs time, so it has steps of its own. */
async function profiled(measured: Case, { program, tensors }: Subject) {
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  try {
    const profile = join(folder, 'profile');
    const engine = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads, profile });
    engine.restore({ step: 0, tensors });
    for (let step = 0; step < 2; step++) await engine.step(batchOf(measured));
    engine.endProfiling();
    await engine.close();
    const operators = operatorsOf(join(folder, readdirSync(folder)[0] ?? ''));
    return operators.map(({ name, calls, ms }) => ({ name, calls, ms: ms / batch }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiled and eager in turn on the same step. */
async function comparedWithEager(measured: Case) {
  const { program, tensors } = subjectOf(measured);
  const data = batchOf(measured);
  const compiled = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads });
  const eager = await EagerEngine.open(program, DEFAULT_OPTIMIZER, PLAIN_TFJS);
  for (const engine of [compiled, eager]) engine.restore({ step: 0, tensors });
  await compiled.step(data);
  const compiledMs = (await timed(compiled, data)) / measured.batch;
  const eagerMs = (await timed(eager, data)) / measured.batch;
  for (const engine of [compiled, eager]) await engine.close();
  const { teacher, loss, size } = measured;
  console.log(
    `${teacher} ${loss} ${size}x${size}, batch ${measured.batch}: compiled ${compiledMs.toFixed(1)}, tfjs cpu backend ` +
      `${eagerMs.toFixed(0)} ms an image (${(eagerMs / compiledMs).toFixed(0)} times as long)`,
  );
  return { compiledMs, eagerMs };
}

async function timed(engine: TrainingEngine, data: Batch): Promise<number> {
  const start = performance.now();
  await engine.step(data);
  return performance.now() - start;
}
