import { z } from 'zod';
import { trainConfigSchema } from '../train/config.js';

/** Part of a training configuration; `strategy: one-for-one` besides: one model a class, each trained on it alone. */
const fragmentSchema = z
  .record(z.string(), z.unknown())
  .refine((fragment) => !('seed' in fragment), { message: 'a seed stands in the list "seeds", not here' });
export type Fragment = z.infer<typeof fragmentSchema>;

const name = z.string().regex(/^[^|\r\n]+$/, 'must be one line without "|"');

/** What a sweep file holds: a training configuration, and along each axis named changes to it. Every combination is trained. */
export const sweepSchema = z.strictObject({
  base: fragmentSchema.default({}).describe('What all runs have in common: keys of the training configuration.'),
  axes: z
    .record(name, z.record(name, fragmentSchema.nullable()))
    .default({})
    .describe('Axis, name on it, and the keys of the training configuration that this name stands for.'),
  seeds: z.array(trainConfigSchema.shape.seed.unwrap()).min(1).default([0, 1, 2]),
});
export type Sweep = z.infer<typeof sweepSchema>;
