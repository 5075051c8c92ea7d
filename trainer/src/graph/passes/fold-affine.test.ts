import { decodeModel, encodeModel } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../../../../test/support/tensors.js';
import { randomOf } from '../../data/random.js';
import { record } from '../record.js';
import { GraphSession } from '../session.js';
import { tf } from '../tfjs.js';
import { foldAffine } from './fold-affine.js';

const random = randomOf(5);
const values = (length: number) => Float32Array.from({ length }, () => random() * 2 - 1);
const SHAPE = [2, 6, 5, 3];
const INPUT = { x: { shape: SHAPE, dtype: 'float32' as const } };

/** conv, transposed conv and depthwise conv, each with a per-channel factor and term behind it, and one that is read twice. */
function network({ x }: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  const affine = (y: tf.Tensor, channels: number) =>
    y.mul(tf.tensor1d(values(channels))).add(tf.tensor1d(values(channels)));
  const conv = affine(tf.conv2d(x as tf.Tensor4D, tf.tensor4d(values(108), [3, 3, 3, 4]), 1, 'same'), 4);
  const up = affine(
    tf.conv2dTranspose(conv as tf.Tensor4D, tf.tensor4d(values(80), [2, 2, 5, 4]), [2, 12, 10, 5], 2, 'valid'),
    5,
  );
  const deep = affine(tf.depthwiseConv2d(up as tf.Tensor4D, tf.tensor4d(values(45), [3, 3, 5, 1]), 2, 'same'), 5).sub(
    0.25,
  );
  const shared = tf.conv2d(x as tf.Tensor4D, tf.tensor4d(values(12), [1, 1, 3, 4]), 1, 'same');
  return { deep: tf.relu(deep), twice: shared.mul(3).add(shared) };
}

describe('folding factors and terms into convolutions', () => {
  it('keeps what the graph computes and leaves no arithmetic behind a convolution that nothing else reads', async () => {
    const graph = decodeModel(encodeModel(record('test', INPUT, network)));
    const folded = foldAffine(graph);
    const operators = folded.nodes.map((node) => node.opType);
    expect(operators.filter((op) => op === 'Mul' || op === 'Add' || op === 'Sub')).toHaveLength(2);
    expect(folded.nodes.length).toBeLessThan(graph.nodes.length);
    const x = values(180);
    const [before, after] = [await GraphSession.open(graph), await GraphSession.open(folded)];
    const [expected, actual] = [await before.run({ x }), await after.run({ x })];
    for (const name of ['deep', 'twice']) {
      const plain = (r: typeof expected) => ({ shape: r[name]?.dims ?? [], data: r[name]?.data ?? [] });
      expectClose(plain(actual), plain(expected), 1e-5, name);
    }
    await before.close();
    await after.close();
  });
});
