import { z } from 'zod';
import { desiredSchema, releaseTarget, windowSchema } from './update.js';

const LEVEL = '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}';
const device = z
  .string()
  .regex(new RegExp(`^${LEVEL}/${LEVEL}/${LEVEL}$`), '<site>/<line>/<device>, such as plant1/line1/jetson7');
const share = z.number().min(0).max(1);

/** How far a rollout is: `rollout/<id>`, retained, QoS 1. Who drives it writes it; devices do not read it. */
export const rolloutSchema = z.strictObject({
  schema: z.literal('beltsight.rollout/1'),
  id: z.string().regex(new RegExp(`^${LEVEL}$`)),
  revision: z.int().positive().describe('Rises with every change: of two messages the higher one holds.'),
  at: z.iso.datetime(),
  state: z.enum(['running', 'paused', 'done', 'aborted']),
  reason: z.string().max(4096).optional().describe('Why it is paused or aborted.'),
  release: releaseTarget,
  retry: z.int().nonnegative().describe('As in what is desired of devices.'),
  window: windowSchema.optional(),
  stopAt: z
    .union([z.strictObject({ devices: z.int().positive() }), z.strictObject({ share: share.gt(0) })])
    .describe('Failed devices that stop it: a number, or a share of the devices that were asked.'),
  waves: z
    .array(
      z.strictObject({
        confirmed: share.describe('Share of its devices that must have confirmed before the next wave begins.'),
        withinMinutes: z.number().positive(),
        devices: z.array(device).describe('Those that no earlier wave has.'),
      }),
    )
    .min(1)
    .max(1000),
  current: z.strictObject({ wave: z.int().positive(), since: z.iso.datetime() }).describe('The first wave is 1.'),
  excused: z.array(device).describe('Devices that somebody decided to go on without.'),
  before: z
    .array(z.strictObject({ desired: desiredSchema, devices: z.array(device) }))
    .describe('What was desired of devices before, for an abort; of those not named: nothing.'),
});
export type RolloutMessage = z.infer<typeof rolloutSchema>;
