import { z } from 'zod';

/** The `spool` section of the configuration. */
export const spoolSchema = z
  .strictObject({
    maxMegabytes: z
      .number()
      .min(1)
      .max(1_000_000)
      .default(256)
      .describe(
        'What waits for the broker takes no more on disk; when full, the oldest pictures go first, results last.',
      ),
    maxDays: z.number().min(0.001).max(3650).default(7).describe('What waited longer is given up.'),
    memoryMegabytes: z
      .number()
      .min(1)
      .max(4096)
      .default(32)
      .describe('Memory for what is on its way; all there is when the disk cannot be written.'),
    sync: z
      .union([z.literal('always'), z.number().min(0.05).max(60)])
      .default(1)
      .describe('A power cut loses at most the results of so many seconds; `always`: every write is flushed at once.'),
  })
  .prefault({});
export type SpoolConfig = z.infer<typeof spoolSchema>;
