import type { tf } from '../graph/tfjs.js';
import { type BlockShape, type Declared, declareBlock, join, residualBlock } from './blocks.js';
import { conv2d } from './layers/convolution.js';
import type { Mode, Weights } from './parameters.js';

/** Widths and blocks of a decoder. */
export interface DecoderShape {
  /** Channels of the three features to reconstruct, finest first. */
  readonly taps: readonly number[];
  /** Channels of the stage at stride 4: twice as many at each next stride. */
  readonly width: number;
  /** Residual blocks of the stages at strides 16, 8 and 4. */
  readonly blocks: readonly [number, number, number];
  /** Channels between of the bottleneck blocks at stride 4, growing alike; without, blocks are basic ones. */
  readonly inner?: number | undefined;
}

/** The decoder: z at stride 32 in, features of the taps' shapes out, finest first. */
export interface Decoder {
  readonly declared: Declared;
  run(z: tf.Tensor4D, weights: Weights, mode: Mode): tf.Tensor4D[];
}

/**
 * Mirror of a residual encoder's stages 3 to 1: each starts with a 2x2 stride-2 transposed convolution. Where a tap is
 * wider or narrower than its stage, a 1x1 convolution with bias brings the stage's output to the tap's width.
 */
export function decoderOf({ taps, width, blocks: counts, inner }: DecoderShape): Decoder {
  const stages = [2, 1, 0].map((scale, position) => {
    const output = width * 2 ** scale;
    const stride = 4 * 2 ** scale;
    const name = `decoder.${scale}`;
    const bottleneck = inner === undefined ? {} : { inner: inner * 2 ** scale };
    const blocks = Array.from({ length: counts[position] as number }, (_, i): BlockShape => {
      const resized =
        i === 0 ? ({ input: 2 * output, resize: 'up' } as const) : ({ input: output, resize: 'same' } as const);
      return { name: `${name}.${i}`, output, stride, ...resized, ...bottleneck };
    });
    const tap = taps[scale] as number;
    return { name, output, tap, stride, blocks, head: tap !== output };
  });
  const declared = join(
    ...stages.flatMap(({ name, output, tap, stride, blocks, head }) => [
      ...blocks.map(declareBlock),
      ...(head ? [declareHead(`${name}.head`, output, tap, stride)] : []),
    ]),
  );
  const run = (z: tf.Tensor4D, weights: Weights, mode: Mode): tf.Tensor4D[] => {
    let x = z;
    const features: tf.Tensor4D[] = [];
    for (const { name, blocks, head } of stages) {
      x = blocks.reduce((y, block) => residualBlock(y, block, weights, mode), x);
      const bias = head ? weights.get(`${name}.head.bias`) : undefined;
      features.unshift(head ? conv2d(x, weights.get(`${name}.head.weight`), { bias }) : x);
    }
    return features;
  };
  return { declared, run };
}

function declareHead(name: string, input: number, output: number, stride: number): Declared {
  const init = { kind: 'uniform', fan: input } as const;
  return {
    parameters: [
      { name: `${name}.weight`, shape: [1, 1, input, output], group: 'student', init, stride },
      { name: `${name}.bias`, shape: [output], group: 'student', init },
    ],
    statistics: [],
  };
}
