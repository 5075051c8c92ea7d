import { z } from 'zod';

const temperature = z.number().positive().max(10).default(0.1).describe('Temperature tau of eq. (1).');

export const localConfigSchema = z.strictObject({
  variant: z
    .enum(['paper', 'code'])
    .default('paper')
    .describe('`code`: one positive, one negative, as the authors published.'),
  k: z
    .union([z.literal(1), z.literal(3), z.literal('full')])
    .default(1)
    .describe('Side of the window in which the positive is searched, eq. (3); 1 needs an aligned augmented view.'),
  denominator: z
    .enum(['partners', 'batch_pos', 'batch_all'])
    .default('batch_pos')
    .describe(
      'A(i): all positions of the partner maps; positives and the same position of other classes; or both in full.',
    ),
  scales: z
    .array(z.union([z.literal(1), z.literal(2), z.literal(3)]))
    .min(1)
    .refine((scales) => new Set(scales).size === scales.length, 'must name each scale once')
    .default([1, 2, 3])
    .describe('Feature maps that are contrasted: 1 at stride 4, 2 at 8, 3 at 16.'),
  match: z.enum(['encoder', 'projected']).default('encoder').describe('Features in which index_max is searched.'),
  tau: temperature,
  weight: z.number().min(0).default(1).describe('lambda 1 of eq. (6).'),
});
export type LocalConfig = z.infer<typeof localConfigSchema>;

export const globalConfigSchema = z.strictObject({
  variant: z
    .enum(['paper', 'code_v1', 'code_v2', 'infonce', 'n_pairs', 'triplet'])
    .default('paper')
    .describe('`code_*`: the first and last public commits; the last three are what table 6 compares with.'),
  margin: z.number().min(0).max(4).default(0.2).describe('Of the triplet loss, in squared distance of unit vectors.'),
  mining: z
    .enum(['all', 'hard'])
    .default('all')
    .describe('Of the triplet loss: all triplets, or farthest positive and nearest negative of each anchor.'),
  denominator: z
    .enum(['all_but_self', 'neg_only', 'neg_plus_p'])
    .default('all_but_self')
    .describe('A(i): every other view (SupCon); other classes only; or those and the positive itself.'),
  anchors: z.enum(['both', 'orig']).default('both').describe('All 2B views, or the B originals.'),
  reduction: z.enum(['mean', 'sum']).default('mean').describe('Over anchors.'),
  tau: temperature,
  weight: z.number().min(0).default(1).describe('lambda 2 of eq. (6).'),
});
export type GlobalConfig = z.infer<typeof globalConfigSchema>;

/** L = L_KD + lambda 1 L_lcl + lambda 2 L_gcl, eq. (6); a term that is null is not computed. */
export const lossConfigSchema = z.strictObject({
  kd: z.enum(['flat', 'per_position']).default('flat'),
  local: localConfigSchema.nullable().default(localConfigSchema.parse({})),
  global: globalConfigSchema.nullable().default(globalConfigSchema.parse({})),
});
export type LossConfig = z.infer<typeof lossConfigSchema>;
