/**
 * npm run bench -- train [--json FILE] [--sizes 128,256] [--losses rd,ccl] [--batch 16] [--steps 3]
 *
 * Milliseconds per image of a training step of the compiled engine (ResNet-18-sized teacher and student, random weights),
 * time by ONNX operator, and tfjs's CPU backend on the same step, run in turn in the same process. The eager backend takes
 * minutes at these sizes, so it is compared at 64x64, batch 2, where the compiled engine is measured again. Where python3 has PyTorch
 * (Debian: python3-torch), its eager mode does the same RD step after each of ours.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lossConfigSchema } from '../../trainer/src/loss/config.js';
import { defineModel, modelConfigSchema } from '../../trainer/src/model/network.js';
import { initialise } from '../../trainer/src/model/parameters.js';
import { backboneOf, type Teacher } from '../../trainer/src/model/teacher/load.js';
import { TEACHER_PREFIX } from '../../trainer/src/model/teacher/run.js';
import { layersOf } from '../../trainer/src/model/teacher/table.js';
import { CompiledEngine } from '../../trainer/src/train/engine/compiled.js';
import { EagerEngine } from '../../trainer/src/train/engine/eager.js';
import { PLAIN_TFJS } from '../../trainer/src/train/engine/native.js';
import { DEFAULT_OPTIMIZER } from '../../trainer/src/train/engine/program.js';
import type { Batch, TrainingEngine } from '../../trainer/src/train/engine.js';
import { createProgram } from '../../trainer/src/train/program.js';
import { operatorsOf } from './support/profile.js';

type Loss = 'rd' | 'ccl';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    sizes: { type: 'string', default: '128,256' },
    losses: { type: 'string', default: 'rd,ccl' },
    batch: { type: 'string', default: '16' },
    steps: { type: 'string', default: '3' },
  },
});
const batch = Number(values.batch);
const steps = Number(values.steps);
const threads = 2;

const results = [];
for (const loss of values.losses.split(',') as Loss[]) {
  for (const size of values.sizes.split(',').map(Number)) {
    const { msPerImage, operators } = await profiled(loss, size);
    console.log(`\n${loss} ${size}x${size}, batch ${batch}, ${threads} threads: ${msPerImage.toFixed(1)} ms an image`);
    console.table(operators.slice(0, 12).map((o) => ({ ...o, msPerImage: Number(o.msPerImage.toFixed(2)) })));
    const pytorch = loss === 'rd' ? pytorchStep(size) : undefined;
    if (pytorch) {
      const ratio = msPerImage / pytorch.msPerImage;
      console.log(
        `PyTorch ${pytorch.version}: ${pytorch.msPerImage.toFixed(1)} ms an image; ours takes ${ratio.toFixed(2)} of it`,
      );
    }
    results.push({ loss, size, batch, threads, msPerImage, operators, pytorch });
  }
}
const comparisons = [];
for (const loss of values.losses.split(',') as Loss[]) {
  const comparison = await compared(loss, 64, 2);
  const { compiledMs, eagerMs } = comparison;
  console.log(
    `${loss} 64x64, batch 2: compiled ${compiledMs.toFixed(1)}, tfjs cpu backend ${eagerMs.toFixed(0)} ms an image ` +
      `(${(eagerMs / compiledMs).toFixed(0)} times as long)`,
  );
  comparisons.push(comparison);
}
if (values.json) writeFileSync(values.json, JSON.stringify({ results, comparisons }, null, 2));

/** The same step by PyTorch, where it is installed. */
function pytorchStep(size: number): { version: string; msPerImage: number } | undefined {
  const script = fileURLToPath(new URL('./pytorch.py', import.meta.url));
  const args = [script, ...[size, batch, steps, threads].map(String)];
  // Debian's own interpreter: it has Debian's packages wherever another one comes first in the path.
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', args, { encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout);
  console.log(`No comparison with PyTorch: ${stderr?.trim().split('\n').at(-1) ?? 'there is no /usr/bin/python3'}`);
  return undefined;
}

/** The fastest of a few steps, and where the time of the profiled steps went. */
async function profiled(
  loss: Loss,
  size: number,
): Promise<{ msPerImage: number; operators: { name: string; calls: number; msPerImage: number }[] }> {
  const { program, tensors } = subject(loss, size, batch);
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  try {
    const timed = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads });
    timed.restore({ step: 0, tensors });
    const msPerImage = (await fastest(timed, images(size, batch, loss), steps)) / batch;
    await timed.close();
    // Profiling itself costs time, so it has runs of its own.
    const engine = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads, profile: join(folder, 'profile') });
    engine.restore({ step: 0, tensors });
    await fastest(engine, images(size, batch, loss), 2);
    engine.endProfiling();
    await engine.close();
    const operators = operatorsOf(join(folder, readdirSync(folder)[0] ?? ''));
    return { msPerImage, operators: operators.map(({ ms, ...rest }) => ({ ...rest, msPerImage: ms / batch })) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiled and eager in turn on the same step. */
async function compared(loss: Loss, size: number, count: number) {
  const { program, tensors } = subject(loss, size, count);
  const data = images(size, count, loss);
  const compiled = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads });
  const eager = await EagerEngine.open(program, DEFAULT_OPTIMIZER, PLAIN_TFJS);
  for (const engine of [compiled, eager]) engine.restore({ step: 0, tensors });
  const compiledMs = (await fastest(compiled, data, 2)) / count;
  const eagerMs = (await fastest(eager, data, 1)) / count;
  for (const engine of [compiled, eager]) await engine.close();
  return { loss, size, batch: count, compiledMs, eagerMs, description: eager.description };
}

/** Milliseconds of the fastest of `count` steps after one to warm up. */
async function fastest(engine: TrainingEngine, data: Batch, count: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let step = 0; step <= count; step++) {
    const start = performance.now();
    await engine.step(data);
    if (step > 0 || count === 1) best = Math.min(best, performance.now() - start);
    if (count === 1) break;
  }
  return best;
}

function subject(loss: Loss, size: number, count: number) {
  const model = defineModel(modelConfigSchema.parse({ teacher: 'resnet18', size, projector: loss === 'ccl' }));
  const config = lossConfigSchema.parse(loss === 'rd' ? { local: null, global: null } : {});
  return {
    program: createProgram(model, randomTeacher(), config, count),
    tensors: initialise(model.parameters, model.statistics, 1),
  };
}

/** ResNet-18 with random weights: speed does not depend on them. */
function randomTeacher(): Teacher {
  const backbone = backboneOf('resnet18');
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const { name, kernel, input, output } of layersOf(backbone)) {
    const shape = [kernel, kernel, input, output];
    const bound = Math.sqrt(3 / (kernel * kernel * input));
    weights.set(`${TEACHER_PREFIX}${name}.weight`, { shape, data: noise(kernel * kernel * input * output, bound) });
    weights.set(`${TEACHER_PREFIX}${name}.bias`, { shape: [output], data: new Float32Array(output) });
  }
  return { backbone, weights, metadata: {}, sha256: '' };
}

function noise(length: number, scale: number): Float32Array {
  let state = length;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state / 0x40000000 - 1) * scale;
  });
}

function images(size: number, count: number, loss: Loss): Batch {
  const pixels = () => Uint8Array.from(noise(count * size * size * 3, 127), (v) => v + 128);
  return {
    images: pixels(),
    augmented: loss === 'ccl' ? pixels().reverse() : undefined,
    labels: Int32Array.from({ length: count }, (_, i) => i % Math.min(4, count)),
  };
}
