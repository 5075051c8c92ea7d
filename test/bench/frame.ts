/**
 * npm run bench -- frame [--json FILE] [--size 256] [--rounds 20] [--threads 2] [--batches 1,2,4,8]
 *
 * One frame through the exported graph on the CPU, beside (a) a naive export of the same model (channels last, nothing folded), as it is
 * and as ONNX Runtime improves it; (b) PyTorch's eager mode on the same architecture, where python3 has PyTorch (Debian:
 * python3-torch); (c) its convolutions alone, the floor. Then several frames in one run: throughput against latency. Shipped teacher,
 * student with random weights: speed does not depend on them. Everything is run in turn, and the fastest round of each counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { inferenceGraph, optimised } from '../../trainer/src/export/inference-graph.js';
import { defineModel, modelConfigSchema } from '../../trainer/src/model/network.js';
import { initialise } from '../../trainer/src/model/parameters.js';
import { loadTeacher } from '../../trainer/src/model/teacher/load.js';
import { channelsLast } from './frame/channels-last.js';
import { alsoGiving, convolutionsOf } from './frame/convolutions.js';
import { dumpForPyTorch } from './frame/dump.js';
import { type Operator, operatorsOf } from './support/profile.js';
import { complaintOf, PYTHON } from './support/python.js';
import { fastestOf, Subject } from './support/subject.js';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    size: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '20' },
    threads: { type: 'string', default: '2' },
    batches: { type: 'string', default: '1,2,4,8' },
  },
});
const [size, rounds, threads] = [Number(values.size), Number(values.rounds), Number(values.threads)];
const batches = values.batches.split(',').map(Number);

const teacher = await loadTeacher('mobilenet_v2');
const model = defineModel(modelConfigSchema.parse({ size }));
const weights = initialise(model.parameters, model.statistics, 1);
const plainGraph = (batch: number) => inferenceGraph(model, teacher, weights, batch);
const exportedGraph = (batch: number) => optimised(plainGraph(batch));

const single = exportedGraph(1);
const naive = channelsLast(plainGraph(1));
const image = pixels(3 * size * size);
const subjects = {
  exported: await Subject.open(single, { threads, image }),
  naive: await Subject.open(naive, { threads, image, improve: false }),
  naiveImproved: await Subject.open(naive, { threads, image }),
};
const score = await subjects.exported.score();
for (const subject of [subjects.naive, subjects.naiveImproved]) {
  const difference = Math.abs((await subject.score()) - score);
  if (difference > 1e-4) throw new Error(`The naive export scores ${difference} away: the comparison would be unfair.`);
}
const ms = await fastestOf(subjects, rounds);
const operators = await profiled(single);
const floorMs = convolutionMs(await profiled(await convolutions()));
const pytorch = comparePyTorch(single);
const line = (what: string, time: number) =>
  console.log(
    `${what.padEnd(44)} ${time.toFixed(1).padStart(7)} ms  ${(time / ms.exported).toFixed(2)} of the exported graph's`,
  );
console.log(`${size}x${size}, ${threads} threads, fastest of ${rounds} rounds in turn`);
line('exported graph', ms.exported);
line('naive export, run as it is', ms.naive);
line('naive export, as ONNX Runtime improves it', ms.naiveImproved);
const kernelMs = operators.reduce((sum, operator) => sum + operator.ms, 0);
console.log(
  `kernels of the exported graph ${kernelMs.toFixed(1)} ms, of its convolutions run alone ${floorMs.toFixed(1)} ms: ${(kernelMs / floorMs).toFixed(2)} of the floor`,
);
if (pytorch) {
  line(`PyTorch ${pytorch.version} eager`, pytorch.ms);
  line('the same, batch normalisation folded by hand', pytorch.foldedMs);
}
for (const subject of Object.values(subjects)) await subject.close();
console.table(operators.slice(0, 10).map(({ name, calls, ms }) => ({ name, calls, ms: Number(ms.toFixed(2)) })));

const batched = await compareBatches();
console.table(
  batched.map((row) => ({
    ...row,
    ms: Number(row.ms.toFixed(1)),
    framesPerSecond: Number(row.framesPerSecond.toFixed(1)),
  })),
);
if (values.json)
  writeFileSync(
    values.json,
    `${JSON.stringify({ size, threads, rounds, ms, kernelMs, floorMs, pytorch, operators, batched }, null, 2)}\n`,
  );

/** The exported graph's convolutions, each with an input of its own of the shape that it has there. */
async function convolutions(): Promise<OnnxGraph> {
  const nodes = single.nodes.filter(({ opType }) => opType.startsWith('Conv'));
  const names = nodes.flatMap(({ inputs, outputs }) => [inputs[0] as string, outputs[0] as string]);
  const subject = await Subject.open(alsoGiving(single, names), { threads, image });
  const shapes = await subject.shapes();
  await subject.close();
  return convolutionsOf(single, new Map([...shapes, ['image', [1, 3, size, size]]]));
}

/** Time by operator of the fastest of some runs. */
async function profiled(graph: OnnxGraph): Promise<Operator[]> {
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  try {
    const subject = await Subject.open(graph, { threads, image, profile: join(folder, 'profile') });
    for (let round = 0; round < rounds; round++) await subject.run();
    await subject.close();
    return operatorsOf(join(folder, readdirSync(folder)[0] ?? ''));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Convolutions' share of a profile; ONNX Runtime fuses activations into them, and images stay in the order they like. */
function convolutionMs(operators: readonly Operator[]): number {
  return operators.filter(({ name }) => /^(Fused)?Conv/.test(name)).reduce((sum, { ms }) => sum + ms, 0);
}

/** The same graph by PyTorch, where it is installed. */
function comparePyTorch(graph: OnnxGraph): { version: string; ms: number; foldedMs: number } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  try {
    dumpForPyTorch(folder, graph, image);
    const script = fileURLToPath(new URL('./frame/pytorch.py', import.meta.url));
    const run = spawnSync(PYTHON, [script, folder, `${rounds}`, `${threads}`], { encoding: 'utf8' });
    if (run.status !== 0) {
      console.log(`No comparison with PyTorch: ${complaintOf(run.stderr)}`);
      return undefined;
    }
    const result = JSON.parse(run.stdout) as { version: string; ms: number; foldedMs: number; score: number };
    if (Math.abs(result.score - score) > 1e-3) {
      throw new Error(`PyTorch scores ${result.score}, the exported graph ${score}: the comparison would be unfair.`);
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Several frames in one run: what a frame costs, and how long the first of them waits for its result. */
async function compareBatches() {
  const open = async (batch: number) =>
    [
      `${batch}`,
      await Subject.open(exportedGraph(batch), { threads, image: pixels(batch * 3 * size * size) }),
    ] as const;
  const subjects = Object.fromEntries(await Promise.all(batches.map(open)));
  const times = await fastestOf(subjects, Math.ceil(rounds / 2));
  for (const subject of Object.values(subjects)) await subject.close();
  return batches.map((batch) => {
    const time = times[`${batch}`] as number;
    return { batch, ms: time, framesPerSecond: (batch * 1000) / time };
  });
}

function pixels(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((i * 7919) % 251) / 250);
}
