import { describe, expect, it } from 'vitest';
import { record } from '../record.js';
import { GraphSession } from '../session.js';
import { tf } from '../tfjs.js';
import { foldAffine } from './fold-affine.js';
import { fuseInstanceNorm } from './fuse-instance-norm.js';

const filter = Float32Array.from({ length: 3 * 3 * 2 * 4 }, (_, i) => Math.sin(i * 1.7));

/** A convolution with bias, instance normalisation of its output over `axes`, and a leaky ReLU. */
const graphOf = (axes: number[]) =>
  record('norm', { x: { shape: [2, 6, 5, 2], dtype: 'float32' } }, ({ x }) => {
    const y = tf.conv2d(x as tf.Tensor4D, tf.tensor4d(filter, [3, 3, 2, 4]), 1, 'same').add(tf.tensor1d([1, 2, 3, 4]));
    const centred = y.sub(y.mean(axes, true));
    const normalised = centred.mul(centred.mul(centred).mean(axes, true).add(1e-5).sqrt().reciprocal());
    return { y: tf.leakyRelu(normalised, 0.2) };
  });

const x = Float32Array.from({ length: 2 * 6 * 5 * 2 }, (_, i) => Math.cos(i * 0.9));

describe('fuseInstanceNorm', () => {
  it('makes one operator that computes the same', async () => {
    const plain = foldAffine(graphOf([1, 2]));
    const fused = fuseInstanceNorm(plain);
    const ops = fused.nodes.map(({ opType }) => opType);
    expect(ops.filter((op) => op === 'InstanceNormalization')).toHaveLength(1);
    expect(ops).not.toContain('ReduceMean');
    const results = [];
    for (const graph of [plain, fused]) {
      const session = await GraphSession.open(graph);
      results.push((await session.run({ x })).y?.data as Float32Array);
      await session.close();
    }
    const [before, after] = results as [Float32Array, Float32Array];
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 5);
  });

  it('leaves means over other axes alone', () => {
    const plain = foldAffine(graphOf([1, 2, 3]));
    expect(fuseInstanceNorm(plain).nodes).toEqual(plain.nodes);
  });
});
