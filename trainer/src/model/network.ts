import { z } from 'zod';
import { tf } from '../graph/tfjs.js';
import {
  type BlockShape,
  batchNorm,
  convNormRelu,
  type Declared,
  declareBatchNorm,
  declareBlock,
  declareConv,
  declareProjector,
  join,
  type ProjectorShape,
  projectScale,
  residualBlock,
} from './blocks.js';
import { conv2d, globalAveragePool } from './layers/convolution.js';
import type { Mode, ParameterSpec, StatisticSpec, Weights } from './parameters.js';
import { backboneOf } from './teacher/load.js';
import { tapFeatures } from './teacher/run.js';
import type { Backbone } from './teacher/table.js';

/** What a model is made of; `beltsight train` writes it into the run. */
export const modelConfigSchema = z.strictObject({
  teacher: z.string().default('mobilenet_v2').describe('Name of the frozen backbone.'),
  size: z
    .int()
    .min(32)
    .max(1024)
    .refine((size) => size % 32 === 0, 'must be a multiple of 32')
    .default(256)
    .describe('Side of the square input image in pixels.'),
  projector: z.boolean().default(true).describe('Refine teacher features before the neck (CCL, RD++).'),
  projectorReduction: z
    .int()
    .positive()
    .optional()
    .describe(
      'Projector bottleneck; the paper has 2. Default: 2 for residual teachers, 4 for the wide taps of MobileNetV2.',
    ),
  width: z
    .int()
    .min(8)
    .max(256)
    .default(64)
    .describe('Base width w of neck and decoder: w, 2w, 4w, 8w at strides 4 to 32.'),
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;

/** Reverse distillation with a projector: frozen teacher, neck, decoder. Functions take images as [N,S,S,3] in 0..1. */
export interface Model extends Declared {
  readonly config: ModelConfig;
  readonly backbone: Backbone;
  readonly parameters: readonly ParameterSpec[];
  readonly statistics: readonly StatisticSpec[];
  /** D of the embedding. */
  readonly embeddingSize: number;
  /** Teacher features at strides 4, 8, 16: [N,S/4,S/4,C1], [N,S/8,S/8,C2], [N,S/16,S/16,C3]. */
  teach(images: tf.Tensor4D, weights: Weights): tf.Tensor4D[];
  /** Projected features, of the same shapes; the features themselves where the model has no projector. */
  project(features: readonly tf.Tensor4D[], weights: Weights): tf.Tensor4D[];
  /** Compact features z: [N,S/32,S/32,8w]. */
  neck(features: readonly tf.Tensor4D[], weights: Weights, mode: Mode): tf.Tensor4D;
  /** The student's reconstruction of the teacher features, of their shapes. */
  decode(z: tf.Tensor4D, weights: Weights, mode: Mode): tf.Tensor4D[];
}

/** Global average pool of the neck's output: what global contrastive learning shapes and classes are recognised by. */
export function embed(z: tf.Tensor4D): tf.Tensor2D {
  return globalAveragePool(z);
}

/** The model that a configuration describes. */
export function defineModel(config: ModelConfig): Model {
  const backbone = backboneOf(config.teacher);
  const widths = backbone.taps.map((tap) => tap.channels);
  const projectors = config.projector ? projectorsOf(config, widths) : [];
  const neck = neckOf(widths, config.width);
  const decoder = decoderOf(widths, config.width);
  const declared = join(...projectors.map(declareProjector), neck.declared, decoder.declared);
  return {
    config,
    backbone,
    ...declared,
    embeddingSize: 8 * config.width,
    teach: (images, weights) => tapFeatures(backbone, images, weights),
    project: (features, weights) =>
      projectors.length === 0
        ? [...features]
        : features.map((feature, i) => projectScale(feature, projectors[i] as ProjectorShape, weights)),
    neck: neck.run,
    decode: decoder.run,
  };
}

function projectorsOf({ projectorReduction, teacher }: ModelConfig, widths: readonly number[]): ProjectorShape[] {
  const reduction = projectorReduction ?? (teacher === 'mobilenet_v2' ? 4 : 2);
  return widths.map((channels, i) => ({ name: `projector.${i}`, channels, reduction }));
}

/**
 * Multi-scale fusion to stride 16 and one residual stage to stride 32 (RD4AD's bottleneck). A finest-to-coarsest
 * width other than 4w at stride 16 comes in through a 1x1 convolution.
 */
function neckOf([c1 = 0, c2 = 0, c3 = 0]: readonly number[], width: number) {
  const [narrow, wide, out] = [2 * width, 4 * width, 8 * width];
  const blocks: BlockShape[] = [
    { name: 'neck.stage.0', input: 3 * wide, output: out, resize: 'down' },
    { name: 'neck.stage.1', input: out, output: out, resize: 'same' },
  ];
  const reduces = c3 !== wide;
  const conv = (number: number) => ({ conv: `neck.conv${number}`, norm: `neck.bn${number}` });
  const declare = (number: number, kernel: number, input: number, output: number) =>
    join(declareConv(conv(number).conv, kernel, input, output), declareBatchNorm(conv(number).norm, output));
  const declared = join(
    declare(1, 3, c1, narrow),
    declare(2, 3, narrow, wide),
    declare(3, 3, c2, wide),
    ...(reduces ? [declare(4, 1, c3, wide)] : []),
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

/**
 * Mirror of a residual encoder's stages 3 to 1: each starts with a 2x2 stride-2 transposed convolution. Where a tap is
 * wider or narrower than its stage, a 1x1 convolution with bias brings the stage's output to the tap's width.
 */
function decoderOf(taps: readonly number[], width: number) {
  const stages = [2, 1, 0].map((scale) => {
    const output = width * 2 ** scale;
    const name = `decoder.${scale}`;
    const blocks: BlockShape[] = [
      { name: `${name}.0`, input: 2 * output, output, resize: 'up' },
      { name: `${name}.1`, input: output, output, resize: 'same' },
    ];
    const tap = taps[scale] as number;
    return { name, output, tap, blocks, head: tap !== output };
  });
  const declared = join(
    ...stages.flatMap(({ name, output, tap, blocks, head }) => [
      ...blocks.map(declareBlock),
      ...(head ? [declareHead(`${name}.head`, output, tap)] : []),
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

function declareHead(name: string, input: number, output: number): Declared {
  const init = { kind: 'uniform', fan: input } as const;
  return {
    parameters: [
      { name: `${name}.weight`, shape: [1, 1, input, output], group: 'student', init },
      { name: `${name}.bias`, shape: [output], group: 'student', init },
    ],
    statistics: [],
  };
}
