import { z } from 'zod';
import { isInboxAddress } from '../collect/upload.js';

/** Frames of products that did not pass: people mark false alarms among them, and training learns from those. */
export const feedbackSchema = z.strictObject({
  keep: z.int().min(0).max(5000).default(200).describe('Frames that are kept to be marked, over all cameras; 0: none.'),
  perSecond: z.number().positive().max(100).default(0.5).describe('Frames a second that are kept, in the long run.'),
  burst: z.int().min(1).max(1000).default(10).describe('So many at once.'),
  quotaMegabytes: z
    .number()
    .min(1)
    .max(1e9)
    .default(512)
    .describe('Disk space that they and those that were marked may take.'),
  reserveMegabytes: z.number().min(0).max(1e9).default(512).describe('Disk space that is kept free.'),
  inbox: z
    .strictObject({
      url: z
        .string()
        .refine(isInboxAddress, 'must look like https://trainer:8090')
        .describe('Address of `beltsight inbox`.'),
      tokenFile: z.string().min(1).describe('File whose first line the inbox knows.'),
    })
    .optional()
    .describe('Where marked frames are sent; default: they stay on the device.'),
});
export type FeedbackConfig = z.infer<typeof feedbackSchema>;
