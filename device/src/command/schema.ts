import { z } from 'zod';

const access = z.enum(['remote', 'local', 'none']);

/** Who may command the device, and how often. */
export const commandsSchema = z.strictObject({
  allow: z
    .strictObject({
      status: access.default('remote'),
      acknowledge: access.default('remote'),
      feedback: access.default('remote'),
      trigger: access.default('remote'),
      pause: access.default('local'),
      recipe: access.default('local'),
      threshold: access.default('local'),
      collect: access.default('local'),
      update: access.default('local'),
    })
    .prefault({})
    .describe('Where each command may come from: `remote` (MQTT, Sparkplug and the local socket), `local`, `none`.'),
  perSecond: z
    .number()
    .positive()
    .max(1000)
    .default(10)
    .describe('Requests of one command from one source that are carried out, in the long run.'),
  burst: z.int().min(1).max(1000).default(20).describe('So many at once.'),
  remember: z
    .int()
    .min(10)
    .max(100_000)
    .default(1000)
    .describe('Requests whose ids and replies are remembered, so that none is carried out twice.'),
  responseTopics: z
    .array(z.string().regex(/^[^+#$\0/][^+#\0]{0,127}\/$/, 'must be the beginning of a topic, ending with "/"'))
    .max(16)
    .default([])
    .describe('Beginnings of response topics that a request may name, besides `reply/` of the device itself.'),
  trigger: z
    .strictObject({
      timeoutMs: z.int().min(10).max(600_000).default(2000).describe('From a trigger to its result, at most.'),
      pending: z.int().min(1).max(100).default(4).describe('Triggers of a camera that wait or are in work, at most.'),
      maxAgeMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(0)
        .describe('The frame may have been captured so long before the trigger came; 0: after it.'),
    })
    .prefault({})
    .describe('How a triggered frame is chosen.'),
});
export type CommandsConfig = z.infer<typeof commandsSchema>;

/** Where good images go that a command collects from a running camera. */
export const collectSchema = z.strictObject({
  folder: z.string().min(1).optional().describe('Data set folder; default: `collected` in `state`.'),
  quotaMegabytes: z.number().min(1).max(1e9).default(4096).describe('Disk space that a class may take.'),
  reserveMegabytes: z.number().min(0).max(1e9).default(512).describe('Disk space that is kept free.'),
  difference: z
    .number()
    .min(0)
    .max(255)
    .default(1)
    .describe('Images less different from a kept one (mean grey levels) are skipped; 0: none.'),
  sharpness: z
    .number()
    .min(0)
    .max(1)
    .default(0.4)
    .describe('Images less sharp than this share of the usual are skipped; 0: none.'),
});
export type CollectConfig = z.infer<typeof collectSchema>;

/** When a camera's frames are inspected. */
export const triggerSchema = z.enum(['free', 'software']);
