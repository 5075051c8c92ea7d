import { z } from 'zod';

/** An output line of a GPIO chip. */
export const gpioLineSchema = z.strictObject({
  chip: z
    .string()
    .min(1)
    .max(256)
    .describe('Path, name or label of the chip, as `gpiodetect` shows them; labels outlive restarts.'),
  line: z
    .union([z.int().min(0).max(0xffff), z.string().min(1).max(31)])
    .describe('Number of the line on the chip, or its name.'),
  activeLow: z.boolean().default(false).describe('Active is the low level.'),
  drive: z.enum(['push-pull', 'open-drain', 'open-source']).default('push-pull'),
});
export type GpioLineConfig = z.infer<typeof gpioLineSchema>;
