import { z } from 'zod';
import { PROVIDERS } from '../graph/provider.js';
import { globalConfigSchema, type LossConfig, localConfigSchema, lossConfigSchema } from '../loss/config.js';
import { modelConfigSchema } from '../model/network.js';
import { ENGINES } from './engine.js';

/** What is trained: reverse distillation alone, with a projector, or with class-aware contrastive learning on top. */
export const lossModeSchema = z.enum(['ccl', 'rd+projector', 'rd']);
export type LossMode = z.infer<typeof lossModeSchema>;

/** Everything that decides a training run; written into the run folder. Defaults are the paper's where it has any. */
export const trainConfigSchema = z.strictObject({
  data: z.array(z.string()).min(1).describe('Folders in MVTec layout.'),
  classes: z.array(z.string()).min(1).optional().describe('Only these classes of the data; default: all.'),
  loss: lossModeSchema.default('ccl'),
  size: modelConfigSchema.shape.size,
  teacher: z.string().default('mobilenet_v2').describe('A name of "beltsight backbone list", or a safetensors file.'),
  width: modelConfigSchema.shape.width,
  projectorForm: modelConfigSchema.shape.projectorForm,
  projectorReduction: modelConfigSchema.shape.projectorReduction,
  neckWidth: modelConfigSchema.shape.neckWidth,
  epochs: z.int().positive().max(10_000).default(100).describe('At most so many.'),
  patience: z
    .int()
    .positive()
    .default(10)
    .describe('Epochs without a better held-out distillation loss before stopping.'),
  strategy: z
    .enum(['joint', 'sequential', 'continual'])
    .default('joint')
    .describe('All classes together; one after the other; or that with images of the earlier classes replayed.'),
  replay: z
    .strictObject({
      images: z.int().positive().default(16).describe('Images kept of each earlier class.'),
      share: z.number().gt(0).lt(1).default(0.5).describe('Share of a batch that comes from them.'),
    })
    .default({ images: 16, share: 0.5 })
    .describe('Memory of the continual strategy.'),
  pseudoClasses: z
    .int()
    .min(2)
    .max(10_000)
    .optional()
    .describe('Contrast so many clusters of the teacher features instead of the classes of the data.'),
  batch: z.int().min(2).max(1024).default(16),
  classesPerBatch: z.int().positive().default(4).describe('Classes in a batch, in equal shares.'),
  sampler: z.enum(['class-aware', 'shuffle']).default('class-aware'),
  heldOut: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.1)
    .describe('Share of good images held out for stopping and calibration.'),
  feedbackRepeat: z
    .int()
    .positive()
    .max(100)
    .default(4)
    .describe('How often an epoch of a fine-tuning shows each picture that was fed back.'),
  seed: z.int().min(0).max(0x7fffffff).default(0),
  learningRates: z
    .strictObject({ projector: z.number().positive().default(0.001), student: z.number().positive().default(0.005) })
    .default({ projector: 0.001, student: 0.005 }),
  schedule: z
    .enum(['constant', 'cosine'])
    .default('constant')
    .describe('Learning rates stay, or fall to zero over all epochs along half a cosine.'),
  clipNorm: z.number().positive().default(5).describe('Global gradient norm above which gradients are scaled down.'),
  kd: lossConfigSchema.shape.kd,
  local: localConfigSchema.nullable().default(localConfigSchema.parse({})).describe('null: without this loss.'),
  global: globalConfigSchema.nullable().default(globalConfigSchema.parse({})).describe('null: without this loss.'),
  engine: z.enum(ENGINES).default('compiled'),
  provider: z.enum(PROVIDERS).default('cpu').describe('What computes for the compiled engine.'),
  threads: z.int().positive().max(256).optional().describe('For the engine; default: all cores.'),
  checkpointMinutes: z.number().positive().default(5).describe('Between checkpoints within an epoch.'),
});
export type TrainConfig = z.infer<typeof trainConfigSchema>;

/** A configuration to train by. Those of runs that were made before it was as strict are still read by {@link trainConfigSchema}. */
export const newTrainConfigSchema = trainConfigSchema.refine(
  // Its denominator would be empty, and its logarithm no number.
  ({ strategy, loss, global, sampler, classesPerBatch }) =>
    loss !== 'ccl' ||
    global?.variant !== 'paper' ||
    global.denominator !== 'neg_only' ||
    strategy === 'sequential' ||
    (strategy === 'joint' && sampler === 'class-aware' && classesPerBatch > 1),
  {
    path: ['global', 'denominator'],
    message:
      'neg_only needs a second class in every batch: sampler class-aware with at least two classesPerBatch, and no continual run, whose first class has none beside it',
  },
);

/**
 * The loss a configuration asks for. With one class, in all or in every batch of a sequential run, there is nothing to contrast: the
 * contrastive terms fall away.
 * @param classes that are told apart: classes of the data, or pseudo-classes
 */
export function lossOf(config: TrainConfig, classes: number): LossConfig {
  const contrast = config.loss === 'ccl' && classes > 1 && config.strategy !== 'sequential';
  return { kd: config.kd, local: contrast ? config.local : null, global: contrast ? config.global : null };
}
