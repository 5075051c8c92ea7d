import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import type { tf } from '../graph/tfjs.js';
import { type Declared, join } from './blocks.js';
import { decoderOf } from './decoder.js';
import { globalAveragePool } from './layers/convolution.js';
import { neckOf } from './neck.js';
import type { Mode, ParameterSpec, StatisticSpec, Weights } from './parameters.js';
import { declareProjector, PROJECTOR_FORMS, type ProjectorShape, projectScale } from './projector.js';
import { backboneOf } from './teacher/load.js';
import { tapFeatures } from './teacher/run.js';
import type { Backbone } from './teacher/table.js';

/** What a model is made of; `beltsight train` writes it into the run. */
export const modelConfigSchema = z.strictObject({
  teacher: z.string().default('mobilenet_v2').describe('Architecture of the frozen backbone.'),
  size: z
    .int()
    .min(32)
    .max(1024)
    .refine((size) => size % 32 === 0, 'must be a multiple of 32')
    .default(256)
    .describe('Side of the square input image in pixels.'),
  projector: z.boolean().default(true).describe('Refine teacher features before the neck (CCL, RD++).'),
  projectorForm: z
    .enum(PROJECTOR_FORMS)
    .default('4-conv')
    .describe('Projector of each scale: four or two convolution blocks, or an MLP of two layers.'),
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
    .describe(
      'Base width w of neck and decoder: w, 2w, 4w, 8w at strides 4 to 32, four times that with bottleneck blocks.',
    ),
  neckWidth: z
    .int()
    .min(8)
    .max(256)
    .default(64)
    .describe('Inner width of the bottleneck blocks of the neck for each 64 of theirs: CCL has 64, RD4AD 128.'),
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
  /** Compact features z: [N,S/32,S/32,D], D = 8w, or 32w with bottleneck blocks. */
  neck(features: readonly tf.Tensor4D[], weights: Weights, mode: Mode): tf.Tensor4D;
  /** The student's reconstruction of the teacher features, of their shapes. */
  decode(z: tf.Tensor4D, weights: Weights, mode: Mode): tf.Tensor4D[];
}

/** Global average pool of the neck's output: what global contrastive learning shapes and classes are recognised by. */
export function embed(z: tf.Tensor4D): tf.Tensor2D {
  return globalAveragePool(z);
}

/**
 * The model that a configuration describes.
 * @throws BeltsightError BACKBONE_INVALID if there is no such teacher; CONFIG_INVALID if its student has no use for `neckWidth`
 */
export function defineModel(config: ModelConfig): Model {
  const backbone = backboneOf(config.teacher);
  const taps = backbone.taps.map((tap) => tap.channels);
  const projectors = config.projector ? projectorsOf(config, backbone) : [];
  const { neck, decoder, embeddingSize } = studentOf(config, backbone, taps);
  const declared = join(...projectors.map(declareProjector), neck.declared, decoder.declared);
  return {
    config,
    backbone,
    ...declared,
    embeddingSize,
    teach: (images, weights) => tapFeatures(backbone, images, weights),
    project: (features, weights) =>
      projectors.length === 0
        ? [...features]
        : features.map((feature, i) => projectScale(feature, projectors[i] as ProjectorShape, weights)),
    neck: neck.run,
    decode: decoder.run,
  };
}

function projectorsOf({ projectorForm, projectorReduction }: ModelConfig, backbone: Backbone): ProjectorShape[] {
  const reduction = projectorReduction ?? (backbone.name === 'mobilenet_v2' ? 4 : 2);
  return backbone.taps.map(({ channels, stride }, i) => ({
    name: `projector.${i}`,
    form: projectorForm,
    channels,
    reduction,
    stride,
  }));
}

/** Neck and decoder, of the teacher's kind of blocks. */
function studentOf({ width, neckWidth, teacher }: ModelConfig, { student }: Backbone, taps: readonly number[]) {
  const { neckBlocks, decoderBlocks, bottleneck } = student;
  if (!bottleneck && neckWidth !== 64) {
    throw new BeltsightError(
      'CONFIG_INVALID',
      `neckWidth ${neckWidth}: the student of ${teacher} has no bottleneck blocks; leave neckWidth out.`,
    );
  }
  const expanded = width * (bottleneck?.expansion ?? 1);
  const inner = bottleneck && (width * bottleneck.baseWidth) / 64;
  const neckInner = bottleneck && Math.max(1, Math.floor((8 * width * neckWidth) / 64));
  return {
    neck: neckOf({ taps, width: expanded, blocks: neckBlocks, inner: neckInner }),
    decoder: decoderOf({ taps, width: expanded, blocks: decoderBlocks, inner }),
    embeddingSize: 8 * expanded,
  };
}
