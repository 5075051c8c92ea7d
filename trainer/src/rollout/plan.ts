import { BeltsightError, parseConfig, windowSchema } from '@beltsight/sdk';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { textOf } from '../config-file.js';
import { targetPath } from '../release/reference.js';
import { amountSchema, shareSchema } from './amount.js';

const level = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'use letters, digits, ".", "_" and "-"');
const deviceSchema = z
  .string()
  .refine((text) => text.split('/').length === 3 && text.split('/').every((each) => level.safeParse(each).success), {
    message: 'a device is <site>/<line>/<device>, such as plant1/line1/jetson7',
  });
const among = {
  site: level.optional(),
  line: level.optional(),
  devices: z.array(deviceSchema).min(1).optional(),
};
const minutes = z
  .number()
  .positive()
  .max(365 * 24 * 60);

const waveSchema = z.strictObject({
  amount: amountSchema.describe('Of the devices below: with those of earlier waves it is so many.'),
  ...among,
  confirmed: shareSchema.optional(),
  withinMinutes: minutes.optional(),
});

/** A wave is its amount alone where nothing else is special about it. */
const wavesSchema = z.preprocess(
  (waves) =>
    Array.isArray(waves)
      ? waves.map((wave) => (typeof wave === 'object' && wave !== null ? wave : { amount: wave }))
      : waves,
  z.array(waveSchema).min(1).max(1000),
);

const HOUR = 60;

/** What a rollout shall do, as people write it: a YAML file, or options of `beltsight rollout start`. */
const planSchema = z.strictObject({
  release: z.string().transform((text, context) => {
    try {
      return targetPath(text, {});
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  }),
  ...among,
  waves: wavesSchema.default([1, '10 %', '50 %', '100 %'].map((amount) => ({ amount: amountSchema.parse(amount) }))),
  confirmed: shareSchema.default(0.9).describe('Share of the devices of a wave that must confirm.'),
  withinMinutes: minutes.optional().describe('Default: an hour, or a day and an hour with a window.'),
  stopAt: amountSchema.default({ share: 0.05 }).describe('Failed devices that stop the rollout.'),
  window: windowSchema.optional(),
  retry: z.int().nonnegative().default(0),
});
export type Plan = z.output<typeof planSchema> & { readonly withinMinutes: number };
export type PlannedWave = z.output<typeof waveSchema>;
/** What may stand in a plan, not looked at yet. */
export type PlanInput = { readonly [Key in keyof z.input<typeof planSchema>]?: unknown };

/**
 * The plan in a file, on the command line, or both: what the command line says counts.
 * @throws BeltsightError CONFIG_INVALID naming what is wrong
 */
export async function readPlan(file: string | undefined, given: PlanInput): Promise<Plan> {
  if (file === undefined) return checked(given, 'The command line');
  const document = parseDocument(await textOf(file));
  const [error] = document.errors;
  if (error) throw new BeltsightError('CONFIG_INVALID', `${file} is no YAML: ${error.message}`, { cause: error });
  const content: unknown = document.toJS();
  const plan = typeof content === 'object' && content !== null ? { ...content, ...given } : content;
  return checked(plan, file);
}

function checked(input: unknown, where: string): Plan {
  const plan = parseConfig(planSchema, input, where);
  return { ...plan, withinMinutes: plan.withinMinutes ?? (plan.window ? 25 * HOUR : HOUR) };
}
