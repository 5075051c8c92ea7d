import { tf } from '../graph/tfjs.js';
import {
  type BlockShape,
  batchNorm,
  convNormRelu,
  type Declared,
  declareBatchNorm,
  declareBlock,
  declareConv,
  join,
  residualBlock,
} from './blocks.js';
import { conv2d } from './layers/convolution.js';
import type { Mode, Weights } from './parameters.js';

/** Widths and blocks of a neck. */
export interface NeckShape {
  /** Channels of the three features, finest first. */
  readonly taps: readonly number[];
  /** Channels of features at stride 4 as the student has them: twice as many at each next stride. */
  readonly width: number;
  /** Residual blocks of the stage to stride 32. */
  readonly blocks: number;
  /** Channels between of that stage's bottleneck blocks; without, its blocks are basic ones. */
  readonly inner?: number | undefined;
}

/** The neck: three features at strides 4, 8, 16 in, compact features z [N,S/32,S/32,8 x width] out. */
export interface Neck {
  readonly declared: Declared;
  run(features: readonly tf.Tensor4D[], weights: Weights, mode: Mode): tf.Tensor4D;
}

/**
 * Multi-scale fusion to stride 16 and one residual stage to stride 32 (RD4AD's bottleneck). Features at stride 16 that are not
 * four times `width` come in through a 1x1 convolution.
 */
export function neckOf({ taps: [c1 = 0, c2 = 0, c3 = 0], width, blocks: count, inner }: NeckShape): Neck {
  const [narrow, wide, out] = [2 * width, 4 * width, 8 * width];
  const blocks = Array.from({ length: count }, (_, i): BlockShape => {
    const resized =
      i === 0 ? ({ input: 3 * wide, resize: 'down' } as const) : ({ input: out, resize: 'same' } as const);
    return { name: `neck.stage.${i}`, output: out, stride: 32, ...resized, ...(inner === undefined ? {} : { inner }) };
  });
  const reduces = c3 !== wide;
  const conv = (number: number) => ({ conv: `neck.conv${number}`, norm: `neck.bn${number}` });
  const declare = (number: number, kernel: number, [input, output]: readonly [number, number], stride: number) =>
    join(
      declareConv(conv(number).conv, { kernel, input, output, stride }),
      declareBatchNorm(conv(number).norm, output),
    );
  const declared = join(
    declare(1, 3, [c1, narrow], 8),
    declare(2, 3, [narrow, wide], 16),
    declare(3, 3, [c2, wide], 16),
    ...(reduces ? [declare(4, 1, [c3, wide], 16)] : []),
    ...blocks.map(declareBlock),
  );
  const run = (features: readonly tf.Tensor4D[], weights: Weights, mode: Mode): tf.Tensor4D => {
    const [f1, f2, f3] = features as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const fine = convNormRelu(convNormRelu(f1, conv(1), 2, weights, mode), conv(2), 2, weights, mode);
    const middle = convNormRelu(f2, conv(3), 2, weights, mode);
    const coarse = reduces
      ? tf.relu(batchNorm(conv2d(f3, weights.get('neck.conv4.weight')), 'neck.bn4', weights, mode))
      : f3;
    const fused: tf.Tensor4D = tf.concat4d([fine, middle, coarse], 3);
    return blocks.reduce((x, block) => residualBlock(x, block, weights, mode), fused);
  };
  return { declared, run };
}
