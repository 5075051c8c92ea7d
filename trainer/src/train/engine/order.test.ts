import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tf } from '../../graph/tfjs.js';
import { conv2d } from '../../model/layers/convolution.js';
import { CompiledEngine } from './compiled.js';
import { DEFAULT_OPTIMIZER, type TrainingProgram } from './program.js';

const LAYERS = ['a', 'b', 'c', 'd'];

/** Convolutions one behind the other. */
const program: TrainingProgram = {
  batch: 2,
  size: 8,
  needs: { augmented: false, negatives: false },
  parameters: LAYERS.map((name) => ({ name, shape: [3, 3, 3, 3], group: 'student' })),
  statistics: [],
  frozen: new Map(),
  loss: ({ images }, weights) => {
    const last = LAYERS.reduce((x, name) => tf.relu(conv2d(x, weights.get(name), { padding: 1 })), images);
    const kd = tf.mean(tf.square(last)) as tf.Scalar;
    return { total: kd, kd };
  },
  validate: (images) => tf.mean(images, [1, 2, 3]),
};

/** Operators of a step as ONNX Runtime ran them. */
async function operatorsRun(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-order-'));
  try {
    const engine = await CompiledEngine.open(program, DEFAULT_OPTIMIZER, {
      threads: 1,
      profile: join(folder, 'profile'),
    });
    const tensors = LAYERS.map((name) => [name, Float32Array.from({ length: 81 }, (_, i) => Math.sin(i))] as const);
    engine.restore({ step: 0, tensors: new Map(tensors) });
    await engine.step({ images: new Uint8Array(384).fill(99), augmented: undefined, labels: Int32Array.of(0, 1) });
    engine.endProfiling();
    await engine.close();
    const [file = ''] = await readdir(folder);
    const events: { name: string; args: { op_name?: string } }[] = JSON.parse(
      await readFile(join(folder, file), 'utf8'),
    );
    return events.filter(({ name }) => name.endsWith('_kernel_time')).map(({ args }) => args.op_name ?? '');
  } finally {
    await rm(folder, { recursive: true });
  }
}

it('has the gradient of a filter before that of the map below, so that maps are freed layer by layer', async () => {
  // Forward and for the gradient of a map there is a convolution; the gradient of a filter ends in an Einsum.
  const run = (await operatorsRun()).filter((name) => /^(Fused)?Conv$|^Einsum$/.test(name));
  const forward = LAYERS.map(() => 'FusedConv');
  const back = LAYERS.flatMap(() => ['Einsum', 'Conv']).slice(0, -1);
  expect(run).toEqual([...forward, ...back]);
});
