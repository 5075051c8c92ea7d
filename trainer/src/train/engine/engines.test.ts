import { describe, expect, it } from 'vitest';
import { thisMachine } from '../../graph/provider.js';
import { tf } from '../../graph/tfjs.js';
import { conv2d } from '../../model/layers/convolution.js';
import type { Batch, TrainingEngine } from '../engine.js';
import { CompiledEngine } from './compiled.js';
import { EagerEngine } from './eager.js';
import { nativeHost, PLAIN_TFJS } from './native.js';
import { DEFAULT_OPTIMIZER, type Lookup, type StepMode, type TrainingProgram } from './program.js';

const BATCH = 4;
const SIZE = 8;

function noise(length: number, seed: number, scale = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state / 0x40000000 - 1) * scale;
  });
}

/** BatchNorm over [N,H,W] with running statistics, momentum 0.1. */
function batchNorm(x: tf.Tensor4D, name: string, weights: Lookup, mode: StepMode): tf.Tensor4D {
  const running = { mean: weights.get(`${name}.mean`), variance: weights.get(`${name}.var`) };
  const { mean, variance } = mode.training ? tf.moments(x, [0, 1, 2]) : running;
  if (mode.training) {
    mode.update?.(`${name}.mean`, tf.add(tf.mul(running.mean, 0.9), tf.mul(mean, 0.1)));
    mode.update?.(`${name}.var`, tf.add(tf.mul(running.variance, 0.9), tf.mul(variance, 0.1)));
  }
  const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(normal, weights.get(`${name}.gamma`)), weights.get(`${name}.beta`));
}

function student(images: tf.Tensor4D, weights: Lookup, mode: StepMode): tf.Tensor4D {
  const down = conv2d(images, weights.get('down'), { stride: 2, padding: 1 });
  const normal = tf.leakyRelu(batchNorm(down, 'norm', weights, mode)) as tf.Tensor4D;
  return tf.conv2dTranspose(normal, weights.get('up') as tf.Tensor4D, [images.shape[0], SIZE, SIZE, 3], 2, 'same');
}

const perImage = (images: tf.Tensor4D, weights: Lookup, mode: StepMode) => {
  const teacher = tf.conv2d(images, weights.get('teacher') as tf.Tensor4D, 1, 'same');
  const difference = tf.squaredDifference(student(images, weights, mode), teacher);
  return tf.mean(difference, [1, 2, 3]) as tf.Tensor1D;
};

/** A network small enough for tfjs's CPU backend that has one of everything: teacher, BatchNorm run twice, groups. */
const program: TrainingProgram = {
  batch: BATCH,
  size: SIZE,
  needs: { augmented: true, negatives: false },
  parameters: [
    { name: 'down', shape: [3, 3, 3, 5], group: 'student' },
    { name: 'norm.gamma', shape: [5], group: 'student' },
    { name: 'norm.beta', shape: [5], group: 'student' },
    { name: 'up', shape: [3, 3, 3, 5], group: 'projector' },
  ],
  statistics: [
    { name: 'norm.mean', shape: [5] },
    { name: 'norm.var', shape: [5] },
  ],
  frozen: new Map([['teacher', { shape: [3, 3, 3, 3], data: noise(81, 7, 0.3) }]]),
  loss: ({ images, augmented, labels }, weights, mode) => {
    const kd = tf.mean(perImage(images, weights, mode)) as tf.Scalar;
    const pooled = tf.mean(student(augmented as tf.Tensor4D, weights, mode), [1, 2]);
    const same = tf.cast(tf.equal(tf.expandDims(labels, 0), tf.expandDims(labels, 1)), 'float32');
    const global = tf.mean(tf.mul(tf.matMul(pooled, pooled, false, true), same)) as tf.Scalar;
    return { total: tf.add(kd, global), kd, global };
  },
  validate: (images, weights) => perImage(images, weights, { training: false }),
};

const initial = new Map([
  ['down', noise(135, 1, 0.3)],
  ['norm.gamma', Float32Array.of(1, 1, 1, 1, 1)],
  ['norm.beta', new Float32Array(5)],
  ['up', noise(135, 2, 0.3)],
  ['norm.mean', new Float32Array(5)],
  ['norm.var', Float32Array.of(1, 1, 1, 1, 1)],
]);

function batch(seed: number): Batch {
  const pixels = (s: number) => Uint8Array.from(noise(BATCH * SIZE * SIZE * 3, s, 127), (v) => v + 128);
  return { images: pixels(seed), augmented: pixels(seed + 1), labels: Int32Array.of(0, 0, 1, 1) };
}

async function trained(engine: TrainingEngine, steps: number) {
  engine.restore({ step: 0, tensors: initial });
  const losses = [];
  for (let step = 0; step < steps; step++) losses.push(await engine.step(batch(10 * step + 3)));
  return losses;
}

type Open = () => Promise<TrainingEngine>;
const open: Open = () => CompiledEngine.open(program, DEFAULT_OPTIMIZER, { threads: 2 });

/** The engines of this machine. */
const engines: [string, Open][] = [['compiled', open]];
const host = await nativeHost().catch(() => undefined);
if (host) engines.push(['native', () => EagerEngine.open(program, DEFAULT_OPTIMIZER, host)]);
const onGpu: Open = () => CompiledEngine.open(program, DEFAULT_OPTIMIZER, { provider: 'cuda' });
if (
  thisMachine().hasLibrary &&
  (await onGpu().then(
    (engine) => engine.close().then(() => true),
    () => false,
  ))
) {
  engines.push(['compiled with CUDA', onGpu]);
}

it("keeps no memory of a step on tfjs's own backend, though a layer ran twice", async () => {
  const engine = await EagerEngine.open(program, DEFAULT_OPTIMIZER, PLAIN_TFJS);
  await trained(engine, 2);
  const { numTensors } = tf.memory();
  for (let step = 0; step < 3; step++) await engine.step(batch(step));
  expect(tf.memory().numTensors).toBe(numTensors);
  await engine.close();
});

describe.each(engines)('the %s engine', (_, open) => {
  it("agrees with tfjs's own backend on losses, updated parameters, moments, statistics and validation", async () => {
    const compiled = await open();
    const eager = await EagerEngine.open(program, DEFAULT_OPTIMIZER, PLAIN_TFJS);
    const actual = await trained(compiled, 3);
    const expected = await trained(eager, 3);
    expected.forEach((losses, step) => {
      for (const [term, value] of Object.entries(losses)) {
        expect(actual[step]?.[term as 'kd'], `${term} of step ${step}`).toBeCloseTo(value, 5);
      }
    });
    expect(compiled.state().step).toBe(3);
    for (const [name, values] of eager.state().tensors) {
      const found = compiled.state().tensors.get(name) as Float32Array;
      expect(found.length, name).toBe(values.length);
      const scale = Math.max(1e-3, ...values.map(Math.abs));
      const worst = values.reduce((max, value, i) => Math.max(max, Math.abs((found[i] as number) - value)), 0);
      expect(worst / scale, name).toBeLessThan(1e-4);
    }
    const images = Uint8Array.from({ length: 6 * SIZE * SIZE * 3 }, (_, i) => (i * 31) % 256);
    const [a, b] = [await compiled.validate(images, 6), await eager.validate(images, 6)];
    for (const [i, loss] of a.entries()) expect(loss).toBeCloseTo(b[i] as number, 5);
    await compiled.close();
    await eager.close();
  });

  it('repeats a run bit for bit, also when it is interrupted and resumed', async () => {
    const whole = await open();
    await trained(whole, 4);
    const first = await open();
    await trained(first, 2);
    const resumed = await open();
    resumed.restore(first.state());
    for (const step of [2, 3]) await resumed.step(batch(10 * step + 3));
    expect(resumed.state().step).toBe(4);
    expect(resumed.state().tensors).toEqual(whole.state().tensors);
    for (const engine of [whole, first, resumed]) await engine.close();
  });

  it('lowers the loss', async () => {
    const engine = await open();
    engine.restore({ step: 0, tensors: initial });
    const first = await engine.step(batch(3));
    let last = first;
    for (let step = 0; step < 30; step++) last = await engine.step(batch(3));
    expect(last.total).toBeLessThan(first.total * 0.7);
    await engine.close();
  });

  it('refuses the state of another model by the name of the tensor', async () => {
    const engine = await open();
    const wrong = new Map(initial).set('down', new Float32Array(3));
    expect(() => engine.restore({ step: 0, tensors: wrong })).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringContaining('"down"') }),
    );
    await engine.close();
  });
});
